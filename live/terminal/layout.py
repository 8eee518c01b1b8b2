"""What is in the lines of the terminal view: the columns of its tables, and their cells."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.cells import cell_len

from hubbub.formats.tables import clean
from hubbub.live.alerts.wording import Shown as ShownChange
from hubbub.live.terminal.periods import amount
from hubbub.live.terminal.rows import Column, fit
from hubbub.live.terminal.sources import Source
from hubbub.live.terminal.tally import SECONDS, Shown, Tally, Topic
from hubbub.times import from_micros
from hubbub.zones import Zone

__all__ = [
    "ALERTS",
    "LAST",
    "TOPICS",
    "USERS",
    "Scale",
    "alert_row",
    "head",
    "message",
    "share_bar",
    "sparkline",
    "topic_row",
    "topics",
    "user_row",
]  # fmt: skip

TOPICS = (
    Column("name", "topic", 20, weight=2),
    Column("total", "total", 9, right=True),
    Column("rate", "per s", 7, right=True),
    Column("percent", "%", 5, right=True, spare=True),
    Column("share", "share", 10, weight=1, style="rows--bar"),
    Column("spark", "last minute", 15, right=True, weight=4, style="rows--spark"),
)
USERS = (
    Column("user", "user", 12, weight=1),
    Column("messages", "messages", 9, right=True),
    Column("share", "%", 5, right=True, spare=True),
)
LAST = (
    Column("time", "time", 8),
    Column("user", "user", 12, weight=1),
    Column("objects", "objects", 20, weight=3),
    Column("topic", "topic", 26, weight=3, style="rows--dim"),
)
ALERTS = (
    Column("state", "", 9),
    Column("time", "time", 19),
    Column("text", "", 40, weight=1),
)
_NOUNS = {"requests": "section"}  # what is listed, where it is not topics
_SPARKS = " ▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"
_CLOCK = "%H:%M:%S"


def topics(noun: str) -> tuple[Column, ...]:
    """Return the columns of the table of topics; of requests, of sections of the site."""
    return (replace(TOPICS[0], title=_NOUNS.get(noun, "topic")), *TOPICS[1:])


def sparkline(counts: list[int], width: int) -> str:
    """Return counts as a line of blocks, the latest at its end; the highest is the largest sum.

    Each block is the sum of as many counts; a width above the number of counts is not filled.
    """
    step = -(-len(counts) // max(width, 1))
    first = len(counts) % step
    sums = [sum(counts[i : i + step]) for i in range(first, len(counts), step)]
    largest, top = max([*sums, 1]), len(_SPARKS) - 1
    return "".join(_SPARKS[-(-n * top // largest)] for n in sums)


def share_bar(part: int, whole: int, width: int) -> str:
    """Return a share as a bar of that width in eighths of a column; what is not 0 is seen."""
    eighths = round(8 * width * part / whole) if whole else 0
    full, rest = divmod(max(eighths, 1) if part else 0, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


@dataclass(frozen=True, slots=True)
class Scale:
    """By what the rows of a picture are scaled.

    Attributes:
        now: seconds since the epoch; what arrives in this second is not shown yet.
        whole: all messages.
        largest: messages of the most frequent topic, whose bar is as wide as its column.
        bar: width of the bars.
        spark: width of the lines of blocks.
    """

    now: int
    whole: int
    largest: int
    bar: int
    spark: int


def topic_row(topic: Topic, scale: Scale) -> tuple[str, ...]:
    """Return the cells of a topic."""
    return (
        topic.name,
        f"{topic.total:,}",
        f"{topic.rate(scale.now):,.1f}",
        f"{100 * topic.total / scale.whole:.1f}",
        share_bar(topic.total, scale.largest, scale.bar),
        sparkline(topic.recent(scale.now - 1), min(scale.spark, SECONDS)),
    )


def user_row(name: str, messages: int, whole: int) -> tuple[str, ...]:
    """Return the cells of a user.

    Args:
        name: of the user.
        messages: that name the user.
        whole: all messages.
    """
    return name, f"{messages:,}", f"{100 * messages / whole:.1f}"


def message(shown: Shown, zone: Zone) -> tuple[str, ...]:
    """Return the cells of a message."""
    when = f"{zone.local(from_micros(shown.time)):{_CLOCK}}"
    return when, shown.user, shown.objects, shown.topic


def alert_row(change: ShownChange, zone: Zone) -> tuple[str, ...]:
    """Return the cells of an alert that was raised or ended."""
    when = f"{zone.local(from_micros(change.time)):%Y-%m-%d {_CLOCK}}"
    return f"{change.mark} {change.state}", when, f"{change.title[2:]}  {change.text}"


def head(source: Source, tally: Tally, zone: Zone, width: int, *, paused: bool) -> str:
    """Return the two lines at the top."""
    now = from_micros(source.now)
    replay = source.replay
    form = _CLOCK if replay is None else f"%Y-%m-%d {_CLOCK}"
    clock = f"{zone.local(now):{form}} {zone.name}"
    if replay is None:
        state = "paused" if paused else "live"
    elif replay.ended:
        state = "the end"
    else:
        state = "paused" if replay.paused else f"{replay.speed:g} x"
    right = f"{state}  {clock}"
    left = fit(f"hubbub top  {source.title}", max(width - cell_len(right) - 2, 0))
    second = int(source.now // 1_000_000)
    rates = f"{tally.all.rate(second, 1):,.0f}/s now   {tally.all.rate(second):,.1f}/s 10 s"
    facts = f"{tally.all.total:,} {source.noun}   {rates}   {amount(tally.bytes)}"
    if replay is not None:
        done = (replay.now - replay.start) / max(replay.end - replay.start, 1)
        room = width - cell_len(facts) - 3
        bar = share_bar(round(1000 * done), 1000, max(room, 0))
        facts += "   " + bar + "·" * (room - len(bar))
    return f"{left}  {right}\n{clean(facts)}"
