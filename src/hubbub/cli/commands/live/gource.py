"""`hubbub gource`: events as a log for Gource, live or of the past."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import configured_options, range_options, stated_parameters

if TYPE_CHECKING:
    from hubbub.cli.commands.live.gource_captions import Captions
    from hubbub.collector.event import Event
    from hubbub.live.stream.events import LiveEvents
    from hubbub.run.scope import CommonOptions
    from hubbub.store import Store
    from hubbub.store.query.selection import Selection

__all__ = ["gource"]

_POLL = 0.1  # s between looks at the spool
_KNOWN = 100_000  # ids of events of the past that are not written a second time
#: Not options of this command: nothing is counted.
_WITHOUT = frozenset({"by", "bots", "not_user", "allow_incomplete"})
_OWN = frozenset({"captions", "releases", "names", "follow"})


@click.command(name="gource")
@click.option(
    "--captions",
    metavar="FILE",
    help="Also write captions in Gource's format: alerts, and releases. Live, the file grows.",
)
@click.option(
    "--releases",
    multiple=True,
    metavar="GLOB",
    help="Topics whose messages become captions: *.release.*; repeatable.",
)
@click.option(
    "--names/--no-names", default=True, help="Name people, or number them. [default: name them]"
)
@click.option(
    "--follow", is_flag=True, help="After the past of --since, continue with live events."
)
@pass_app
def gource(app: App, /, **values: Any) -> None:
    """Write events as a log for Gource: live, or a film of the past.

    \b
    hubbub gource | gource --log-format custom --realtime -
    hubbub gource --since 7d | gource --log-format custom -
    hubbub gource --since 1h --follow | gource --log-format custom --realtime -

    Without --since and --until, it follows what the running listener receives. Press Ctrl-C to
    stop: Gource does not end with its input.
    """  # noqa: D301  (click wants the control character)
    from hubbub.cli.commands.live.gource_captions import Captions
    from hubbub.errors import UsageError
    from hubbub.live.gource import GourceLog

    app.configure_logging()
    options = configured_options(app).updated(stated_parameters(values, _OWN), datetime.now(UTC))
    past = options.since is not None or options.until is not None
    if values["releases"] and not values["captions"]:
        raise UsageError("--releases needs --captions", hint="add --captions FILE")
    if values["follow"] and (options.since is None or options.until is not None):
        raise UsageError(
            "--follow continues after the past", hint="add --since 1h, without --until"
        )
    log = GourceLog(names=values["names"])
    with app.reading(load=past) as store, suppress(KeyboardInterrupt):
        captions = None
        if values["captions"]:
            path = Path(values["captions"])
            captions = Captions(app, store, log, path, values["releases"])
            captions.begin(options if past else None, _selection(options))
        if values["follow"]:
            events = _followed(app, store, options, captions)
        else:
            events = _past(store, options) if past else _live(app, store, options, captions)
        out = sys.stdout.buffer  # Gource reads UTF-8, whatever the terminal is set to
        for event in events:
            out.write("".join(log.lines(event)).encode())
            out.flush()


def _past(store: Store, options: CommonOptions) -> Iterator[Event]:
    """Yield stored events in order of time, a day in memory at once."""
    from hubbub.live.stream.past import stored_events

    return stored_events(store, _selection(options))


def _live(
    app: App, store: Store, options: CommonOptions, captions: Captions | None
) -> Iterator[Event]:
    """Yield events as they are received, without an end."""
    from hubbub.live.stream.events import LiveEvents

    with LiveEvents(store, app.reader) as live:
        yield from _received(live, store, options, captions, frozenset())


def _received(
    live: LiveEvents,
    store: Store,
    options: CommonOptions,
    captions: Captions | None,
    known: frozenset[str],
) -> Iterator[Event]:
    from hubbub.live.stream.events import matcher, with_persons

    persons = store.persons
    matches = matcher(_selection(options), persons)
    while True:
        for event, _ in live.poll():
            if event.id not in known and matches(event):
                if captions is not None:
                    captions.seen(event)
                yield with_persons(event, persons)
        if captions is not None:
            captions.poll()
        time.sleep(_POLL)


def _followed(
    app: App, store: Store, options: CommonOptions, captions: Captions | None
) -> Iterator[Event]:
    """Yield events of the past, then those that are received, each once."""
    from hubbub.live.stream.events import LiveEvents

    with LiveEvents(store, app.reader) as live:
        if not store.read_only:
            app.load(store)  # what was received before is in the tables then
        known: deque[str] = deque(maxlen=_KNOWN)
        for event in _past(store, options):
            known.append(event.id)
            yield event
        yield from _received(live, store, options, captions, frozenset(known))


def _selection(options: CommonOptions) -> Selection:
    """Return the events that the options choose."""
    from hubbub.store.query.selection import FILTERS, Selection
    from hubbub.times import to_micros

    return Selection(
        since=to_micros(options.since) if isinstance(options.since, datetime) else None,
        until=to_micros(options.until) if isinstance(options.until, datetime) else None,
        **{name: getattr(options, name) for name in FILTERS},
    )


gource.params.extend(range_options(_WITHOUT))
common_options(gource)
