"""Follow what the collectors of a mirror say, where a server reads one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hubbub.errors import HubbubError
from hubbub.logger import get_logger

__all__ = ["Following"]

_EVERY = 60.0  # s
_log = get_logger("hubbub.serve")


class Following:
    """Updates merged accounts, coverage and the like as long as the server runs.

    Args:
        folder: that stands for the mirror; it was prepared.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.ensure_future(self._follow())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        from hubbub.store.mirror.reading import synchronise

        while True:
            await asyncio.sleep(_EVERY)
            try:
                await asyncio.to_thread(synchronise, self._folder)
            except HubbubError as error:
                _log.warning("the mirror cannot be followed", why=error.what, where=error.where)
