"""Event handlers without a process of their own, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hubbub.plugins.process import PluginDiedError
from hubbub.registry import Function, Registry
from hubbub.run.handling import answer
from hubbub.run.injection import Injector
from hubbub.run.runner import Runner
from hubbub.store import Store
from hubbub.store.state.overlay import Overlay

__all__ = ["InProcess", "registry_of"]


def registry_of(*calls: Callable[..., Any], module: str = "m", **options: Any) -> Registry:
    """Return a registry with these event handlers, all with the same options."""
    registry = Registry()
    for call in calls:
        registry.add(Function("event_handler", call.__name__, call, module, extra=options))
    return registry


class InProcess:
    """Calls handlers in a thread of the test.

    Attributes:
        calls: what each call of `handle` was given.
        before: called first; raises to play a process that dies before its handlers ran.
        after: called last; raises to play one that dies before it answered.
    """

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder, self.registry = folder, registry
        self.calls: list[list[dict[str, Any]]] = []
        self.before: Callable[[list[dict[str, Any]]], None] = lambda _: None
        self.after: Callable[[list[dict[str, Any]]], None] = lambda _: None

    async def handle(self, body: bytes) -> bytes:
        """Call them."""
        return await asyncio.to_thread(self._handle, body)

    def _handle(self, body: bytes) -> bytes:
        turns = msgspec.json.decode(body)
        self.calls.append(turns)
        self.before(turns)
        with Store.open(self.folder) as store, Overlay(store.state.path) as overlay:
            answered = answer(
                body,
                overlay,
                self.registry,
                lambda: Runner(store, self.registry, inject=Injector(overlay)),
            )
        self.after(turns)
        return answered


def died(*_: object) -> None:
    """Play a process that dies."""
    raise PluginDiedError("the plugin's process exited with status 3")
