"""`PluginHost`: the plugins of a server, in processes of their own.

Calls go to the first idle process, so that calls one after the other meet the same one; others are
started when they are needed. A process that takes too long, ends or breaks is replaced. Nothing of
a plugin runs in the server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from hubbub.calls import exchange, hops
from hubbub.calls.callables import UnknownNameError
from hubbub.config import Config
from hubbub.errors import EngineError, HubbubError, NotAllowedError, RemoteError, UsageError
from hubbub.language import ENGLISH
from hubbub.logger import get_logger
from hubbub.plugins import schema
from hubbub.plugins.counts import PluginCounts
from hubbub.plugins.messages import (
    Called,
    CallFunction,
    CallHandlers,
    Failed,
    Ready,
    RunJob,
    Start,
)
from hubbub.plugins.process import PluginProcess
from hubbub.registry import Function, Registry

__all__ = ["PluginBusyError", "PluginHost", "has_plugins"]

_LOADING = 60.0  # s for loading all plugins
_WAITING = 100  # calls that may wait
_JOB_SECONDS = 3600.0
_KILLS = 20  # by another program, while a process starts
_log = get_logger("hubbub.plugins")


class PluginBusyError(HubbubError):
    """Too many calls wait already."""


class _Slot:
    """The place of a process, which is started when it is used."""

    def __init__(self) -> None:
        self.process: PluginProcess | None = None
        self.busy = False


class PluginHost:
    """The plugins of a server. `start` it, and `stop` it.

    Args:
        store: folder of the store, which exists.
        config: the configuration; of `[plugins]`, everything but `files` is used.
        files: plugin files, in order.
        style: a TOML file with colours and a font.

    Attributes:
        registry: the functions of plugins; they are called with `call`, never by themselves.
        paths: the names of modules in addresses.
        failed: plugins that are left out, and why.
        counts: of calls and processes.
    """

    def __init__(
        self,
        store: Path,
        config: Config,
        files: Sequence[Path],
        *,
        style: Path | None = None,
    ) -> None:
        self._start = Start(
            str(store),
            config,
            tuple(str(path) for path in files),
            style=None if style is None else str(style),
        )
        self.seconds = config.plugins.seconds
        self._slots = [_Slot() for _ in range(max(config.plugins.processes, 1))]
        self._waiting: deque[asyncio.Future[_Slot]] = deque()
        self._asking: set[asyncio.Future[bytes]] = set()
        self._known: Ready | None = None
        self._stopped = False
        self.registry = Registry()
        self.paths: Mapping[str, str] = {}
        self.failed: dict[str, str] = {}
        self.counts = PluginCounts()

    async def start(self) -> None:
        """Load the plugins in a first process. One that cannot be loaded is logged and skipped."""
        try:
            async with self._taken():
                pass
        except HubbubError as error:
            _log.error("plugins cannot be started", why=str(error))

    async def stop(self) -> None:
        """End all processes, also one that is being started."""
        self._stopped = True
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        for slot in self._slots:
            if slot.process is not None:
                await slot.process.end()

    @property
    def processes(self) -> list[tuple[int, bool]]:
        """The processes that run: the id of each, and whether it answers a call."""
        running = [(slot.process, slot.busy) for slot in self._slots if slot.process is not None]
        return [(process.number, busy) for process, busy in running if process.alive]

    @property
    def waiting(self) -> int:
        """How many calls wait for a process."""
        return sum(not future.done() for future in self._waiting)

    def module(self, path: str) -> str | None:
        """Return the module with this name in addresses; None if there is none."""
        return next((module for module, known in self.paths.items() if known == path), None)

    def find(self, kind: str, name: str) -> Function | None:
        """Return the public function of a plugin; None if there is none."""
        function = self.registry.of(kind).get(name)
        return function if function is not None and function.public else None

    async def call(
        self,
        kind: str,
        name: str,
        parameters: Mapping[str, Any],
        *,
        names: bool = True,
        theme: str = "auto",
        language: str = ENGLISH,
        url: str = "",
    ) -> Any:
        """Call a query or view.

        Args:
            kind: query or view.
            name: of the function.
            parameters: texts, or lists of texts.
            names: whether the answer may name people.
            theme: of a picture: light, dark or auto.
            language: of its texts.
            url: of the server, for the addresses of files.

        Returns:
            A `Result` of a query about events, the bare value of another one; of a view a text or
            a `Drawing`.

        Raises:
            UsageError: a parameter is missing, unknown or not allowed; the name is unknown.
            NotAllowedError: the answer would name people.
            PluginBusyError, PluginTimeoutError, PluginDiedError: it was not called, or not to the
                end.
            RemoteError: another server that it asked did not answer as it should.
            HubbubError: it failed.
        """
        message = CallFunction(
            kind,
            name,
            dict(parameters),
            names,
            theme,
            url,
            self.seconds,
            hops.passed(),
            language,
        )
        return exchange.decode(await self._ask(message))

    async def run_job(self, name: str, seconds: float = _JOB_SECONDS) -> dict[str, Any]:
        """Run a job of a plugin with its configured parameters; return `JobRun.document()`.

        Raises:
            UsageError: it is running already.
            HubbubError: as `call`; an error of the job itself is in the document.
        """
        document: dict[str, Any] = msgspec.json.decode(await self._ask(RunJob(name, seconds)))
        return document

    async def handle(self, body: bytes, seconds: float | None = None) -> bytes:
        """Call event handlers; see `hubbub.run.handling`.

        Raises:
            HubbubError: as `call`.
        """
        return await self._ask(CallHandlers(body, seconds or self.seconds))

    async def _ask(self, message: CallFunction | RunJob | CallHandlers) -> bytes:
        # shielded: a client that goes away must not cost the process, and its module's globals
        task = asyncio.ensure_future(self._asked(message))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _asked(self, message: CallFunction | RunJob | CallHandlers) -> bytes:
        with self.counts.call():
            async with self._taken() as process:
                answer = await process.call(message)
                if isinstance(answer, Called):
                    return answer.body
                assert isinstance(answer, Failed)
                if answer.ends:
                    self.counts.ended["asked"] += 1
                    await process.end()
            raise _error(answer)

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[PluginProcess]:
        """Take the first idle process, started if need be; wait in order where there is none."""
        slot = await self._slot()
        try:
            if slot.process is None or not slot.process.alive:
                if slot.process is not None:
                    self.counts.restarts += 1
                    await slot.process.end()
                slot.process = await self._started()
            yield slot.process
        finally:
            self._release(slot)

    async def _slot(self) -> _Slot:
        for slot in self._slots:
            if not slot.busy:
                slot.busy = True
                return slot
        if len(self._waiting) >= _WAITING:
            raise PluginBusyError(
                f"{len(self._waiting)} calls of plugins wait already", hint="try again later"
            )
        future: asyncio.Future[_Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._release(future.result())
            raise

    def _release(self, slot: _Slot) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(slot)
                return
        slot.busy = False

    async def _started(self) -> PluginProcess:
        """Start a process; a plugin that ends it while it is loaded is skipped from then on.

        One that is killed meanwhile is started again.
        """
        tries = 1 + len(self._start.files) + len(self._start.config.plugins.modules) + 1
        kills = 0
        while tries:
            if self._stopped:
                raise HubbubError("the server stops")
            process = await PluginProcess.start(self._start, _LOADING)
            if process.ready is not None:
                self._learn(process.ready)
                return process
            if process.killed and kills < _KILLS:
                kills += 1
                continue
            tries -= 1
            if not process.loading:
                break
            why = "it ended its process, or took too long, while it was loaded"
            self.failed[process.loading] = why
            _log.error("plugin skipped", plugin=process.loading, why=why)
            skipped = (*self._start.skipped, process.loading)
            self._start = msgspec.structs.replace(self._start, skipped=skipped)
        raise HubbubError(
            "the plugins' process does not start", hint="the server's log has what it printed"
        )

    def _learn(self, ready: Ready) -> None:
        if ready == self._known:
            return
        self._known = ready
        registry = Registry()
        registry.files = dict(ready.paths)
        _replace(registry, ready)
        self.registry, self.paths = registry, ready.paths
        for note in ready.notes:
            _log.warning("plugins", note=note)
        for plugin, why in ready.failed.items():
            self.failed[plugin] = why
            _log.error("plugin skipped", plugin=plugin, why=why)


def _replace(registry: Registry, ready: Ready) -> None:
    for described in ready.functions:
        try:
            registry.add(schema.function(described))
        except (HubbubError, LookupError, TypeError, ValueError) as error:
            _log.error("function of a plugin skipped", name=described.name, why=str(error))


def _error(failed: Failed) -> HubbubError:
    if failed.traceback:
        _log.error("a plugin failed", why=failed.what, traceback=failed.traceback)
    if failed.kind == "remote":
        return RemoteError(failed.what, server=failed.where, hint=failed.hint)
    kinds: dict[str, type[HubbubError]] = {
        "engine": EngineError,
        "usage": UsageError,
        "unknown": UnknownNameError,
        "refused": NotAllowedError,
    }
    kind = kinds.get(failed.kind, HubbubError)
    return kind(failed.what, where=failed.where, hint=failed.hint)


def has_plugins(config: Config, files: Iterable[Path]) -> bool:
    """Whether a server has plugins: files, modules, or installed ones."""
    from hubbub.plugins.loading import installed

    return bool(list(files) or config.plugins.modules or installed())
