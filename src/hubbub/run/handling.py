"""Call event handlers, and set aside what they change.

`handle` runs in the process of the plugins. It commits nothing: the server commits the changes
that it returns together with the handlers' places (`hubbub.store.state.overlay`), so that a crash
neither repeats nor loses anything of what handlers keep in `db` and `state`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.errors import HubbubError
from hubbub.registry import Function, Registry
from hubbub.registry.events import Event
from hubbub.store.state.overlay import Changes, Overlay

if TYPE_CHECKING:
    from hubbub.run.runner import Runner

__all__ = ["Failure", "Handled", "Turn", "answer", "calls", "handle"]

_MAX_TRACEBACK = 4_000  # characters, of its end
_MAX_FAILURES = 20  # with a traceback; others are only counted
_NO_TOPIC = "http.event"


class Turn(msgspec.Struct, frozen=True):
    """One batch of events, and the handlers that get it, in order."""

    handlers: list[str]  # `Function.key`
    events: list[dict[str, Any]]


class Failure(msgspec.Struct, frozen=True):
    """A call that raised; what it changed was dropped."""

    handler: str
    events: int
    error: str  # the end of the traceback


class Handled(msgspec.Struct, frozen=True):
    """What handlers did.

    Attributes:
        changes: of all calls that did not raise.
        failed: calls that raised, by handler.
        failures: the first of them.
    """

    changes: Changes
    failed: dict[str, int] = {}
    failures: list[Failure] = []


def answer(
    body: bytes, overlay: Overlay, registry: Registry, make_runner: Callable[[], Runner]
) -> bytes:
    """Call handlers for a server in another process: see `handle`.

    Args:
        body: a list of `Turn` as JSON, whose integers may be of any size.
        overlay: see `handle`.
        registry: see `handle`.
        make_runner: see `handle`.

    Returns:
        `Handled` as MessagePack.

    Raises:
        ValidationError: the body is something else.
    """
    turns = msgspec.json.decode(body, type=list[Turn])
    return msgspec.msgpack.encode(handle(turns, overlay, registry, make_runner))


def handle(
    turns: Sequence[Turn],
    overlay: Overlay,
    registry: Registry,
    make_runner: Callable[[], Runner],
) -> Handled:
    """Call the handlers of each turn, one after the other.

    Args:
        turns: in order.
        overlay: over the store's state; the runner's injected objects use it.
        registry: of the handlers.
        make_runner: returns a runner for all calls.

    Raises:
        HubbubError: a handler is not registered; nothing is handled then.
    """
    failed: dict[str, int] = {}
    failures: list[Failure] = []
    modules: set[str] = set()
    with overlay.session():
        runner = make_runner()
        prepared: dict[str, Callable[[Sequence[Event]], None]] = {}
        for turn in turns:
            for key in turn.handlers:
                function = registry.event_handlers.get(key)
                if function is None:
                    raise HubbubError(
                        f"the event handler {key!r} is not there any more",
                        hint="its plugin was changed or cannot be imported: restart the server",
                    )
                modules.add(function.module)
                for events in calls(function, turn.events):
                    try:
                        with overlay.transaction():
                            if key not in prepared:
                                prepared[key] = runner.handler(key)
                            prepared[key]([Event(e, registry) for e in events])
                    except (Exception, SystemExit):  # noqa: BLE001 - of the plugin; it is reported
                        failed[key] = failed.get(key, 0) + 1
                        if len(failures) < _MAX_FAILURES:
                            text = traceback.format_exc()[-_MAX_TRACEBACK:]
                            failures.append(Failure(key, len(events), text))
        return Handled(overlay.changes(modules), failed, failures)


def calls(
    function: Function, events: Sequence[dict[str, Any]]
) -> Iterator[Sequence[dict[str, Any]]]:
    """Yield the lists of events with which a handler is called for a batch, by its options."""
    options = function.extra
    if globs := options.get("source_queue"):
        events = [event for event in events if _matches(event, globs)]
    groups = [events]
    if options.get("per_user"):
        groups = [part for group in groups for part in _grouped(group, _user)]
    if options.get("per_resource"):
        groups = [part for group in groups for part in _grouped(group, _resource)]
    batch = options.get("batch", True)
    for group in groups:
        most = len(group) if batch is True else 1 if batch is False else int(batch)
        for start in range(0, len(group), max(most, 1)):
            yield group[start : start + max(most, 1)]


def _matches(event: dict[str, Any], globs: Sequence[str]) -> bool:
    """Whether a topic is one of these, is below one, or matches one as a glob."""
    topic = event.get("topic")
    topic = topic if isinstance(topic, str) and topic else _NO_TOPIC
    return any(topic == g or topic.startswith(f"{g}.") or fnmatchcase(topic, g) for g in globs)


def _grouped(
    events: Sequence[dict[str, Any]], of: Callable[[dict[str, Any]], str]
) -> list[list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        groups.setdefault(of(event), []).append(event)
    return list(groups.values())


def _user(event: dict[str, Any]) -> str:
    """Return whose event it is: the agent, or else its only user; empty: there is none."""
    for name in ("agent", "user", "username"):
        if isinstance(value := event.get(name), str) and value:
            return value
    users = event.get("users")
    return str(users[0]) if isinstance(users, list) and len(users) == 1 else ""


def _resource(event: dict[str, Any]) -> str:
    """Return the object of an event: its first one; empty: none."""
    objects = event.get("objects")
    if isinstance(objects, list) and objects:
        return str(objects[0])
    value = event.get("object")
    return value if isinstance(value, str) else ""
