"""Keep a mirror up in a child process of a listener or server, and restart it when it dies.

It is like the loader's process, with which it shares how it is started and ended; a network that is
cut, or an object store that refuses, is logged and tried again, and disturbs neither.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import HubbubError
from hubbub.logger import get_logger
from hubbub.store.loader_process import LONGEST, LoaderProcess

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["MirrorProcess", "run"]

_BUSY = 5.0  # seconds between looks whether another process still keeps the mirror up
_log = get_logger("hubbub.mirror")


def run(
    path: str,
    url: str,
    stop: Connection,
    *,
    every: float,
    prepare: Callable[[], object] | None = None,
) -> None:
    """Keep a mirror up until `stop` is closed; the main function of the child.

    Args:
        path: the store.
        url: of the mirror.
        stop: the parent closes its end of this pipe to end the child.
        every: seconds between two passes.
        prepare: called first, to configure logging as in the parent.
    """
    if prepare is not None:
        prepare()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent ends it, when all is loaded
    from hubbub.store.mirror.mirror import Mirror
    from hubbub.store.store import Store

    try:
        with Store.open(path, create=False) as store:
            mirror = Mirror(store, url)
            while not stop.poll():
                with mirror.lock() as acquired:
                    if acquired:
                        mirror.run(stop.poll, stop.poll, every=every)
                if not stop.poll(_BUSY):
                    _log.debug("another process keeps the mirror up", url=mirror.place.url)
    except HubbubError as error:
        _log.error("the mirror ends", why=error.what, where=error.where, hint=error.hint)
        raise SystemExit(error.exit_code) from error


class MirrorProcess(LoaderProcess):
    """The parent's side.

    Args:
        path: the store.
        url: of the mirror.
        every: seconds between two passes.
        prepare: called first in the process, to configure logging; must be picklable.
    """

    died = "the mirror's process died and is restarted"

    def __init__(
        self, path: Path, url: str, *, every: float, prepare: Callable[[], object] | None = None
    ) -> None:
        super().__init__(path, every=every, prepare=prepare, delay=min(5.0, LONGEST))
        self.url = url

    def _child(self, stop: Connection) -> SpawnProcess:
        return self._context.Process(
            target=run,
            args=(str(self.path), self.url, stop),
            kwargs={"every": self.every, "prepare": self.prepare},
            name="hubbub-mirror",
            daemon=True,
        )
