"""Load what the server takes in, in a process of its own, as `hubbub listen` does.

Several loaders of one store take turns by its lock, so that it does not matter whether a listener
has one, too.
"""

from __future__ import annotations

import asyncio

from hubbub.live.health import Fault
from hubbub.store.loader_process import LoaderProcess

__all__ = ["Loading", "loading_faults"]

_STOP = 2.0  # s in which the loader finishes its batch; what is left waits in the spool


class Loading:
    """Runs a loader as long as the server runs.

    Args:
        loader: not started.
    """

    def __init__(self, loader: LoaderProcess) -> None:
        self._loader = loader

    async def start(self) -> None:
        """Start the process."""
        await asyncio.to_thread(self._loader.start)

    async def stop(self) -> None:
        """Let it load the rest of the spool, and end it."""
        await asyncio.to_thread(self._loader.stop, _STOP)


def loading_faults(loader: LoaderProcess) -> list[Fault]:
    """Return a fault if the loader does not run, for /healthz."""
    if loader.alive:
        return []
    hint = "it is started again; see the log for the reason. What was received is safe"
    return [Fault("loader", "the loader is not running", hint)]
