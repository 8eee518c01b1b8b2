"""Keeps the ledger of the hooks, and heals those of GitHub; a part of the server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from hubbub.collector.hooks.github import DeliveryLog
from hubbub.collector.hooks.healer import GitHubHealer
from hubbub.collector.hooks.settings import GitHubHook, Hook
from hubbub.collector.hooks.watch import SLACK, HookWatch
from hubbub.errors import HubbubError
from hubbub.live.server.hooks.counts import HookCounts
from hubbub.logger import get_logger
from hubbub.store import Store
from hubbub.store.tables.id_lookup import Lookup

__all__ = ["FAILED", "HookKeeper"]

FAILED = "failed"  # name of the count of deliveries that could not be written
_TICK = 5.0  # s; a kill -9 extends the gap by at most this much
_STOP = 2.0  # s for healers that wait for an answer
_log = get_logger("hubbub.serve")


class HookKeeper:
    """Threads beside the requests: one for the ledger, one for each hook with a list at GitHub.

    Args:
        store_folder: of the store.
        hooks: the hooks.
        counts: of their deliveries; added to the store's counters.
        bodies: whether bodies are stored.
    """

    def __init__(
        self, store_folder: Path, hooks: Sequence[Hook], counts: HookCounts, *, bodies: bool
    ) -> None:
        self.store_folder, self.hooks = store_folder, tuple(hooks)
        self.counts, self.bodies = counts, bodies
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    async def start(self) -> None:
        """Record how long no server listened, and start the threads.

        Raises:
            StoreError: the store cannot be written.
        """
        started: Future[None] = Future()
        self._thread("hook-ledger", partial(self._watch, started))
        await asyncio.wrap_future(started)
        for hook in self.hooks:
            if hook.github is not None:
                self._thread(f"heal-{hook.name}", partial(self._heal, hook, hook.github))

    async def stop(self) -> None:
        """Record until now, and end the threads; a healer may still wait for an answer."""
        self._stop.set()
        end = time.monotonic() + _STOP
        for number, thread in enumerate(self._threads):
            left = max(0.0, end - time.monotonic()) if number else None
            await asyncio.to_thread(thread.join, left)

    def _thread(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self, started: Future[None]) -> None:
        try:
            store = Store.open(self.store_folder)
        except Exception as error:  # noqa: BLE001 - raised by `start`
            started.set_exception(error)
            return
        with store:
            watch = HookWatch([hook.source for hook in self.hooks], store.state, slack=SLACK)
            try:
                watch.start()
            except Exception as error:  # noqa: BLE001 - raised by `start`
                started.set_exception(error)
                return
            started.set_result(None)
            while not self._stop.wait(_TICK):
                self._tick(store, watch)
            self._tick(store, watch)

    def _tick(self, store: Store, watch: HookWatch) -> None:
        counts = self.counts.take()
        try:
            with store.state.transaction():
                for (source, name), n in counts.items():
                    store.state.count(source, name, n)
                watch.tick({source for source, name in counts if name == FAILED})
        except HubbubError as error:  # the disk is full, or the state is locked
            _log.warning("the ledger of hooks is not written", why=error.what, where=error.where)
            self.counts.put_back(counts)

    def _heal(self, hook: Hook, where: GitHubHook) -> None:
        with (
            Store.open(self.store_folder) as store,
            store.spool("heal", bodies=self.bodies) as sink,
        ):

            def known(ids: Sequence[str], span: tuple[int, int]) -> set[str]:
                return Lookup(store.table).within(ids, span)

            GitHubHealer(hook, DeliveryLog(where), sink, store.state, known).run(self._stop)
