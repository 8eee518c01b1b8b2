"""Make all files of a site from a store.

Times come from the data: a site that is made again later from the same store has the same bytes.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from hubbub.charts.picture import scale
from hubbub.errors import UsageError
from hubbub.publish.explorer import Explorer, explorer
from hubbub.publish.files import Content, all_files
from hubbub.publish.pictures import Missing, Picture, chosen, draw
from hubbub.publish.settings import Settings
from hubbub.run.names import Anonymity
from hubbub.run.scope import Range, coverage, next_second
from hubbub.sharing.feed import Feed, document
from hubbub.sharing.weeks import Week, last_weeks
from hubbub.store.query.selection import FILTERS, Selection
from hubbub.times import from_micros, to_micros
from hubbub.zones import showing

if TYPE_CHECKING:
    from hubbub.run.runner import Runner
    from hubbub.run.scope import CommonOptions
    from hubbub.store import Store
    from hubbub.store.state.ledger import CoverageSpan

__all__ = ["DEFAULT_DAYS", "MakeRunner", "Site", "accounts", "build", "ranges", "without_addresses"]

#: The range of the pictures unless one is given; counted back from the newest data.
DEFAULT_DAYS = 90
_BEHIND = timedelta(days=1)
_WEEKS = 12  # of the feed
_ADDRESS = re.compile(r"\w+://\S+|(?<!\w)/\w[^\s,;]*/[^\s,;]*")


class MakeRunner(Protocol):
    """Makes a runner over the store."""

    def __call__(self, *, common: CommonOptions, names: bool) -> Runner:
        """Return a runner with these common options; `names`: whether it may name people."""


@dataclass(frozen=True, slots=True)
class Site:
    """The files of a site, and what they were made from.

    Attributes:
        files: bytes by path, with `/`.
        pictures: what was drawn.
        missing: what was not.
        explorer: the tables of the explorer.
        notes: remarks for the user.
    """

    files: Mapping[str, bytes]
    pictures: Sequence[Picture]
    missing: Sequence[Missing]
    explorer: Explorer
    notes: Sequence[str]


def ranges(
    make_runner: MakeRunner,
    configured: CommonOptions,
    stated: Mapping[str, Any],
    data_since: str | None,
) -> tuple[CommonOptions, datetime]:
    """Return the options of the pictures, with absolute times, and the beginning of the data.

    The range ends where the data end: with the proven coverage, but not after the day of the newest
    event, so that it stays the same while nothing new is stored; with the newest event where the
    proven coverage ends more than a day before it. Relative times count back from there.

    Args:
        make_runner: makes a runner.
        configured: the common options of the configuration.
        stated: common options of the command, by name.
        data_since: beginning of the explorer's data; None: of what is stored.

    Raises:
        UsageError: the store is empty, or an option does not allow its value.
    """
    filters = {name: value for name, value in stated.items() if name not in {"since", "until"}}
    probe = make_runner(common=configured, names=True)
    known = make_runner(common=configured.updated(filters, probe.now), names=True)
    newest = known.extent.newest
    if newest is None:
        raise UsageError(
            "the store is empty, so there is nothing to publish",
            where=str(known.store.path),
            hint="fill it with `hubbub gather`, `hubbub import` or `hubbub listen`",
        )
    zone, whole = known.common.zone, known.range()
    last = next_second(from_micros(newest))
    midnight = zone.following(zone.floor(from_micros(newest), "day"), "day")
    # proven coverage that is far behind would hide what was heard since
    end = min(whole.until if last - whole.until < _BEHIND else last, midnight)
    options = configured.updated({**stated, "until": stated.get("until")}, end)
    end = options.until if isinstance(options.until, datetime) else end
    first = max(whole.since, zone.floor(end - timedelta(days=DEFAULT_DAYS), "day"))
    since = options.since if isinstance(options.since, datetime) else first
    begin = configured.updated({"since": data_since, "tz": options.tz}, end).since
    begin = begin if isinstance(begin, datetime) else whole.since
    for start, name in ((since, "--since"), (begin, "--data-since")):
        if start >= end:
            raise UsageError(
                f"the range would begin at {zone.iso(start)}, not before its end, {zone.iso(end)}",
                where=name,
                hint="durations count back from the newest data",
            )
    return replace(options, since=since, until=end), begin


def accounts(store: Store) -> set[str]:
    """Return all accounts and persons that stored events name."""
    events = store.events()
    if not events.persons:
        users = [store.events(Selection(by="users")), store.events(Selection(by="agent"))]
        columns = [each.everybody().weekly_users().select("user") for each in users]
    else:
        stored = events.stored
        columns = [
            stored.select(user=stored.users.unnest()),
            stored.filter(stored.agent.notnull()).select(user=stored.agent),
        ]
    names: set[str] = set(events.persons.names.values())
    for column in columns:
        names.update(name for name in column.distinct().to_pyarrow()["user"].to_pylist() if name)
    return names


def _anonymity(store: Store, runner: Runner, names: Iterable[str]) -> Anonymity:
    days = store.events().daily_topics(summed=False)
    words = days.select("category").distinct().to_pyarrow()["category"].to_pylist()
    return Anonymity(store.persons.widened(runner.bots), names, words, trusted=True)


def without_addresses(spans: Iterable[CoverageSpan]) -> tuple[CoverageSpan, ...]:
    """Return spans of the ledger that tell no address and no path: of a source only its kind.

    Sources of a kind are numbered, if there are several.
    """
    spans = list(spans)
    kinds: dict[str, list[str]] = {}
    for source in sorted({span.source for span in spans}):
        kinds.setdefault(source.partition(":")[0], []).append(source)
    names = {
        source: kind if len(sources) == 1 else f"{kind} {n}"
        for kind, sources in kinds.items()
        for n, source in enumerate(sources, 1)
    }
    return tuple(
        replace(span, source=names[span.source], proof=_ADDRESS.sub("(address)", span.proof))
        for span in spans
    )


def build(
    store: Store,
    make_runner: MakeRunner,
    options: CommonOptions,
    data_since: datetime,
    settings: Settings,
    *,
    names: Iterable[str] = (),
    progress: Callable[[float, float, str], None] = lambda _done, _total, _text: None,
) -> Site:
    """Make the files of a site.

    Args:
        store: an open store.
        make_runner: makes a runner.
        options: of the pictures, with times: see `ranges`.
        data_since: beginning of the explorer's data and of the feed.
        settings: of the site.
        names: all accounts; replaced in objects and topics, unless people are named.
        progress: called with the steps done, all steps, and what is being done.

    Raises:
        UsageError: there is no such view, the range is too long, or users are chosen for a site
            without names.
        Exception: that of the first view, if all failed.
    """
    if options.user and not settings.names:
        raise UsageError(
            "a site about chosen users would tell who they are",
            where="--user",
            hint="add --names, or leave users out with --not-user",
        )
    first = make_runner(common=options, names=settings.names)
    functions = chosen(first.registry, settings.views)
    known = list(names)
    notes: dict[str, None] = {}
    runners: list[Runner] = []

    spans = without_addresses(first.spans)

    def anonymous(common: CommonOptions) -> Runner:
        runner = make_runner(common=common, names=settings.names)
        runner.spans = spans
        if not settings.names:
            runner.anonymity = _anonymity(store, runner, known)
        runners.append(runner)
        return runner

    drawn: list[Picture | Missing] = []
    steps = len(functions) + 2
    for i, result in enumerate(draw(lambda: anonymous(options), functions, settings)):
        drawn.append(result)
        progress(i + 1, steps, functions[i].name)
    pictures = [each for each in drawn if isinstance(each, Picture)]
    missing = [each for each in drawn if isinstance(each, Missing)]
    errors = [each.error for each in missing if each.error is not None]
    if errors and not pictures:
        raise errors[0]
    data_options = replace(options, since=data_since)
    runner = anonymous(data_options)
    with showing(options.zone):
        found = _explorer(store, runner, settings)
        progress(steps - 1, steps, "explorer")
        content = Content(
            settings=settings,
            span=scale.zoned_span(*_span(options)),
            pictures=pictures,
            missing=missing,
            explorer=found,
            feed=_feed(runner, settings),
        )
        files = all_files(content)
    for each in runners:
        notes.update(dict.fromkeys(each.notes))
    return Site(files, pictures, missing, found, list(notes))


def _span(options: CommonOptions) -> tuple[datetime, datetime]:
    assert isinstance(options.since, datetime)
    assert isinstance(options.until, datetime)
    return options.since, options.until


def _explorer(store: Store, runner: Runner, settings: Settings) -> Explorer:
    """Count what the explorer shows, in the range of the runner."""
    common = runner.common
    since, until = _span(common)
    events = store.events(
        Selection(
            since=to_micros(since),
            until=to_micros(until),
            by="agent" if common.by == "agent" else "users",
            bots=bool(common.bots),
            bot_names=runner.bots,
            zone=common.zone,
            **{name: getattr(common, name) for name in FILTERS},
        )
    )
    complete = coverage(Range(since, until), runner.spans, common.ledger_key())
    facts = {
        "parameters": runner.anonymity.parameters(
            common.filters() | {"by": events.by, "bots": bool(common.bots)}
        ),
        "since": common.zone.iso(since),
        "until": common.zone.iso(until),
        "coverage": complete.document(common.zone),
    }
    hide = None if settings.names else runner.anonymity.text
    return explorer(events, facts, least=settings.least, hide=hide)


def _feed(runner: Runner, settings: Settings) -> bytes:
    """Return the feed; a week leads to the explorer."""

    def address(week: Week) -> str:
        zone = runner.common.zone
        days = zone.day(week.start), zone.day(week.end) - timedelta(days=1)
        choice = urlencode({"from": days[0].isoformat(), "to": days[1].isoformat(), "per": "day"})
        return f"{settings.url}explore.html#{choice}"

    name = settings.url or settings.title
    about = Feed(
        identity=uuid.uuid5(uuid.NAMESPACE_URL, f"hubbub {name}").hex,
        title=settings.title,
        own=f"{settings.url}feed.atom" if settings.url else "",
        page=settings.url or "index.html",
        week=address,
    )
    return document(last_weeks(runner, _WEEKS, {}), about)
