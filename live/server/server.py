"""`Server`: what all parts of a running server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import Metric

from hubbub.config import Config
from hubbub.errors import HubbubError
from hubbub.live.health import Fault
from hubbub.live.server.access import Access
from hubbub.live.server.answers.cache import AnswerCache
from hubbub.live.server.engines import Engines
from hubbub.live.server.monitoring.requests import Requests
from hubbub.live.server.peers import Peers
from hubbub.live.server.settings import ServeSettings
from hubbub.logger import get_logger
from hubbub.memory import available
from hubbub.plugins.host import PluginHost, has_plugins
from hubbub.registry import REGISTRY, Registry
from hubbub.store import Store

__all__ = ["Server", "Service"]


class Service(Protocol):
    """A part that runs as long as the server does."""

    async def start(self) -> None:
        """Start; returns once it works."""

    async def stop(self) -> None:
        """Stop within a few seconds; nothing that was accepted is lost."""


@dataclass
class Server:
    """A server and its parts.

    Args:
        store_folder: of the store, which exists.
        config: the configuration.
        settings: those of `[serve]` and the command line.
        registry: the built-in queries, views and jobs.
        clock: returns the current time.
        plugin_files: Python files with plugins, in order.
    """

    store_folder: Path
    config: Config
    settings: ServeSettings
    registry: Registry = REGISTRY
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: Python files with plugins, in order.
    plugin_files: Sequence[Path] = ()
    #: The plugins, in processes of their own; None without plugins.
    plugins: PluginHost | None = None
    services: list[Service] = field(default_factory=list)
    #: Each ends the streams of its part when the server is to stop; may be called several times.
    stopping: list[Callable[[], None]] = field(default_factory=list)
    #: Each returns what is wrong with its part, for /healthz.
    checks: list[Callable[[], Iterable[Fault]]] = field(default_factory=list)
    #: Each yields the metrics of its part, for /metrics.
    measures: list[Callable[[], Iterable[Metric]]] = field(default_factory=list)
    requests: Requests = field(default_factory=Requests)
    #: Called once the engines have started.
    warmed: Callable[[], object] = lambda: None
    log: Any = field(default_factory=lambda: get_logger("hubbub.serve"))

    def __post_init__(self) -> None:
        self.peers = Peers(self.config)
        self.store = Store.open(self.store_folder)  # of the event loop's thread
        self.access = Access(self.settings, self.store.state.path, self.clock)
        self.answers = AnswerCache(self.store)
        self.engines = Engines(
            self._open_store,
            workers=self.settings.jobs,
            timeout=self.settings.timeout,
        )

        if self.plugins is None and has_plugins(self.config, self.plugin_files):
            self.plugins = PluginHost(
                self.store_folder, self.config, self.plugin_files, style=self.settings.style
            )
            self.services.insert(0, self.plugins)

    def _open_store(self) -> Store:
        store = Store.open(self.store_folder, reading=True)
        self.limit_engine(store)
        return store

    def limit_engine(self, store: Store) -> None:
        """Give a store's engine its share: those of the threads and that of the jobs are equal."""
        shares = self.settings.jobs + 1
        store.engine_memory = (self.config.engine.memory_bytes or available() // 2) // shares
        if (disk := self.config.engine.spill_bytes) is not None:
            store.engine_disk = disk // shares
        store.engine_url = self.config.engine.connect_url

    async def start(self) -> None:
        """Start all services, in order."""
        for service in self.services:
            await service.start()
        self._warming = asyncio.ensure_future(self._warm())

    async def _warm(self) -> None:
        try:
            await self.engines.warm()
            self.warmed()
        except HubbubError as error:
            self.log.warning("the engines do not start", why=error.what, where=error.where)

    async def stop(self) -> None:
        """Stop what runs, then all services in reverse order; close the stores."""
        self._warming.cancel()
        self.engines.close()
        for service in reversed(self.services):
            try:
                await service.stop()
            except Exception:
                self.log.exception("a service did not stop", service=type(service).__name__)
        self.access.close()
        self.store.close()
