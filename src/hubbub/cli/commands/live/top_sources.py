"""Where the events of `hubbub top` are from: the store, a bus, a log, or a past day."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hubbub.cli.app import App
from hubbub.cli.options.buses import live_sources
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.collector.event import Event
    from hubbub.live.alerts.board import Board
    from hubbub.live.stream.clock import Replay
    from hubbub.live.stream.frames import Received
    from hubbub.live.terminal.sources import Source
    from hubbub.store import Store
    from hubbub.store.query.identity import Persons
    from hubbub.store.query.selection import EventFilters
    from hubbub.zones import Zone

__all__ = ["SPEED", "Chosen", "open_source"]

SPEED = "60"  # of a replay
_BUSES = ("zmq", "zmq_bind", "amqp", "amqp_config")
_CHANGES = 100  # of alerts that are listed
_CHANGES_EVERY = 2.0  # s between looks at them


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the options choose.

    Attributes:
        options: of the command, by name.
        topics: prefixes of topics.
        filters: the other filters.
        zone: in which a replayed day begins.
    """

    options: dict[str, Any]
    topics: tuple[str, ...]
    filters: EventFilters
    zone: Zone

    def matcher(self, persons: Persons) -> Callable[[Event], bool]:
        """Return whether an event is chosen."""
        from hubbub.live.stream.events import matcher

        matches, topics = matcher(self.filters, persons), self.topics
        return lambda event: (not topics or event.topic.startswith(topics)) and matches(event)

    @property
    def kind(self) -> str:
        """Return `file`, `bus`, `replay` or `store`.

        Raises:
            UsageError: the options contradict each other.
        """
        options = self.options
        named = [
            kind
            for kind, given in (
                ("file", options["file"] is not None),
                ("bus", any(options[name] for name in _BUSES)),
                ("replay", options["replay"] is not None),
            )
            if given
        ]
        if len(named) > 1:
            raise UsageError(f"either a {' or a '.join(named)}", hint="leave out one of them")
        if options["form"] is not None and named != ["file"]:
            raise UsageError("which file?", where="--format", hint="name a log that grows")
        if named == ["file"] and options["form"] is None:
            raise UsageError("of which format is it?", where="--format", hint="access-log")
        if options["speed"] is not None and named != ["replay"]:
            raise UsageError("--speed needs --replay", hint="add --replay 2026-11-14")
        return named[0] if named else "store"


@contextmanager
def open_source(app: App, chosen: Chosen) -> Iterator[Source]:
    """Open the source that the options name.

    Raises:
        UsageError: the options contradict each other, or the source cannot be opened.
    """
    opened = {"file": _log, "bus": _bus, "replay": _past, "store": _stored}[chosen.kind]
    with ExitStack() as stack:
        yield opened(app, chosen, stack)


def _filtered(
    poll: Callable[[], list[Received]], matches: Callable[[Event], bool]
) -> Callable[[], list[Received]]:
    return lambda: [item for item in poll() if matches(item[0])]


def _log(app: App, chosen: Chosen, stack: ExitStack) -> Source:
    """Return what is appended to a log, or read from standard input."""
    from hubbub.collector.decode.line_reading import Reading
    from hubbub.live.stream.direct import LogEvents, PipeEvents
    from hubbub.live.terminal.sources import Source
    from hubbub.store.query.identity import Persons

    path, form = chosen.options["file"], chosen.options["form"]
    matches = chosen.matcher(Persons())
    noun = "requests" if form == "access-log" else "messages"
    if path == "-":
        pipe = PipeEvents(0, form, Reading(), app.reader)
        poll = _filtered(pipe.poll, matches)
        return Source(poll, "standard input", ended=lambda: pipe.ended, noun=noun)
    log = stack.enter_context(LogEvents(path, form, Reading(), app.reader))
    return Source(_filtered(log.poll, matches), path, noun=noun)


def _bus(app: App, chosen: Chosen, stack: ExitStack) -> Source:
    """Return what buses publish."""
    from tempfile import TemporaryDirectory

    from hubbub.cli.output.logs import redact
    from hubbub.collector.decode.rejected import MAX_MESSAGE
    from hubbub.live.stream.direct import BusEvents
    from hubbub.live.terminal.sources import Source
    from hubbub.store import Store

    sources = live_sources(app, chosen.options, chosen.topics, MAX_MESSAGE, shown=True)
    folder = stack.enter_context(TemporaryDirectory(prefix="hubbub-"))
    store = stack.enter_context(Store.open(folder))
    bus = stack.enter_context(BusEvents(sources, app.reader, store.state))
    poll = _filtered(bus.poll, chosen.matcher(store.persons))
    named = (name for option in _BUSES for name in chosen.options[option])
    return Source(poll, redact(", ".join(map(str, named))))


def _past(app: App, chosen: Chosen, stack: ExitStack) -> Source:
    """Return the stored events of a day, at the pace at which they happened or faster."""
    from hubbub.live.stream.past import replay_range, replay_speed, start_replay
    from hubbub.live.terminal.sources import replayed
    from hubbub.store.query.selection import Selection

    day, speed = chosen.options["replay"], replay_speed(chosen.options["speed"] or SPEED)
    start, end = replay_range(day, chosen.zone)
    store = stack.enter_context(app.reading())
    selection = Selection(since=start, until=end, **asdict(chosen.filters))
    replay = start_replay(store, selection, speed)
    alerts = None
    if app.config.alerts:
        alerts = _Alerts(store, names=chosen.options["names"], replay=replay).board
    return replayed(replay, f"replay of {day}", chosen.matcher(store.persons), alerts)


def _stored(app: App, chosen: Chosen, stack: ExitStack) -> Source:
    """Return what a listener receives into the store, under persons' names, and its alerts."""
    from hubbub.live.stream.events import LiveEvents, with_persons
    from hubbub.live.terminal.sources import Source

    store = stack.enter_context(app.reading(load=False))
    live = stack.enter_context(LiveEvents(store, app.reader))
    persons = store.persons
    matches = chosen.matcher(persons)

    def poll() -> list[Received]:
        return [
            (with_persons(event, persons), arrived)
            for event, arrived in live.poll()
            if matches(event)
        ]

    title = str(app.store_folder)
    if not app.config.alerts:
        return Source(poll, title)
    return Source(poll, title, alerts=_Alerts(store, names=chosen.options["names"]).board)


class _Alerts:
    """The recorded alerts of a store, as they were two seconds ago at most.

    Args:
        store: an open store.
        names: whether people are named.
        replay: of which only what happened so far is shown.
    """

    def __init__(self, store: Store, *, names: bool, replay: Replay | None = None) -> None:
        self._state, self._names, self._replay = store.state, names, replay
        self._read = float("-inf")
        self._board: Board | None = None

    def board(self) -> Board | None:
        """Return those that are on, and the latest changes."""
        from hubbub.live.alerts.board import board

        if time.monotonic() - self._read >= _CHANGES_EVERY:
            self._read = time.monotonic()
            if self._replay is None:
                self._board = board(self._state, names=self._names, limit=_CHANGES)
            else:
                self._board = self._replayed(self._replay)
        return self._board

    def _replayed(self, replay: Replay) -> Board:
        from hubbub.live.alerts.board import Board, board

        since, until = replay.start, replay.reached + 1
        past = board(self._state, names=self._names, since=since, until=until, limit=_CHANGES)
        latest = {(change.rule, change.subject): change for change in past.changes[::-1]}
        on = tuple(change for change in latest.values() if change.state == "raised")
        return Board(on, past.changes)
