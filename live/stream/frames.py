"""Frames of a live view: what a page needs to draw, a few times a second.

Counts are cumulative, so that a dropped frame loses nothing but samples. Kinds of messages are
numbered in the order in which they appear; the last number stands for all further ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hubbub.collector.event import Event
from hubbub.live.stream.people import Numbered
from hubbub.store.query.globs import literal

__all__ = [
    "MAX_KINDS", "RECENT", "SAMPLES", "Counts", "FrameBuilder", "Received", "Sample", "kind",
    "selecting",
]  # fmt: skip

#: An event, and when it was received, in µs since the epoch.
Received: TypeAlias = tuple[Event, int]
MAX_KINDS = 64  # kinds of messages that have a number of their own
SAMPLES = 24  # events that a frame shows at most
RECENT = 60  # s of which the counts of each second are kept
_MINUTES = (
    120  # that a frame shows; frames of a replay are hours of the past apart if some are lost
)
_OTHER = "other"
_MAX_OBJECTS = 3  # of a sample
_MAX_TEXT = 80  # characters of a name


def kind(event: Event) -> str:
    """Return what a lamp stands for: category and action, without names of people and objects."""
    names = {part for name in event.objects for part in name.split("/")}
    names.update(event.users, (event.category,))
    parts = [part for part in (event.action or "").split(".") if part and part not in names]
    return ".".join((event.category, *parts))[:_MAX_TEXT]


def selecting(event: Event) -> dict[str, str]:
    """Return the filters, by name, that select the messages of an event's kind.

    That is a glob for their topics, with `*` for names of people and objects. Where the topic does
    not consist of category and action, these two are the filters.
    """
    wanted = kind(event).split(".")
    parts = event.topic.split(".")
    if event.category in parts:
        start, glob = parts.index(event.category), list[str]()
        for part in parts[start:]:
            if wanted and part == wanted[0]:
                glob.append(literal(wanted.pop(0)))
            elif glob[-1] != "*":
                glob.append("*")
        if not wanted:
            return {"topic": ".".join((*(["*"] if start else ()), *glob))}
    filters = {"category": literal(event.category)}
    return filters if event.action is None else {**filters, "action": literal(event.action)}


@dataclass(frozen=True, slots=True)
class Sample:
    """An event that a frame shows."""

    kind: int
    time: int  # ms since the epoch: when it was published
    arrived: int  # ms since the epoch: when it was received
    user: str | None
    objects: tuple[str, ...]


@dataclass(slots=True)
class Counts:
    """Sums since the start of the view."""

    messages: int = 0
    bytes: int = 0
    kinds: list[str] = field(default_factory=list)
    by_kind: list[int] = field(default_factory=list)
    filters: list[dict[str, str]] = field(default_factory=list)  # that select a kind


class FrameBuilder:
    """Adds up events, and keeps the newest as samples.

    Args:
        names: whether people are named; otherwise they are `person 1`, `person 2`, ….
        minutes: whether frames have the counts of the last minutes.
    """

    def __init__(self, *, names: bool, minutes: bool = False) -> None:
        self.counts = Counts()
        self._people = Numbered(names=names)
        self._numbers: dict[str, int] = {}
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._recent: dict[int, dict[int, int]] = {}  # messages by second and kind
        self._minutes: dict[int, dict[int, int]] | None = {} if minutes else None

    def add(self, received: Iterable[Received]) -> None:
        """Count events."""
        counts = self.counts
        for event, arrived in received:
            number = self._number(event)
            counts.messages += 1
            counts.bytes += event.size
            counts.by_kind[number] += 1
            _count(self._recent, arrived // 1_000_000, number, RECENT)
            if self._minutes is not None:
                _count(self._minutes, arrived // 60_000_000, number, _MINUTES)
            self._samples.append(
                Sample(
                    number,
                    event.time // 1000,
                    arrived // 1000,
                    self._user(event),
                    tuple(
                        self._people.hide(name[:_MAX_TEXT], event)
                        for name in event.objects[:_MAX_OBJECTS]
                    ),
                )
            )

    def frame(self, now: int) -> dict[str, Any]:
        """Return a frame, and start new samples.

        Args:
            now: ms since the epoch.

        Returns:
            `at`, `messages`, `bytes`, `counts` by kind, and `samples`: lists of kind, time of
            publishing and of arrival in ms, user and objects. With minutes also `minutes`: lists
            of a minute since the epoch, its messages, and the kind of most of them. The names of
            kinds are not in it: see `kinds`.
        """
        samples = [[s.kind, s.time, s.arrived, s.user, s.objects] for s in self._samples]
        self._samples.clear()
        frame: dict[str, Any] = {
            "at": now,
            "messages": self.counts.messages,
            "bytes": self.counts.bytes,
            "counts": list(self.counts.by_kind),
            "samples": samples,
        }
        if self._minutes is not None:
            frame["minutes"] = [
                (minute, sum(counts.values()), max(counts, key=counts.__getitem__))
                for minute, counts in sorted(self._minutes.items())
            ]
        return frame

    def kinds(self) -> list[str]:
        """Return the names of the kinds, in the order of their numbers."""
        return list(self.counts.kinds)

    def filters(self) -> list[dict[str, str]]:
        """Return the filters that select each kind; none for the last one, which is all others."""
        return list(self.counts.filters)

    def beginning(self, now: int) -> dict[str, Any]:
        """Return what a client that begins to watch lacks: the counts of the last minute.

        Args:
            now: ms since the epoch.

        Returns:
            `messages`, `counts` by kind, and `recent`: lists of a second (since the epoch) and of
            the messages in it by the number of their kind.
        """
        _forget(self._recent, now // 1000 - RECENT)
        return {
            "messages": self.counts.messages,
            "counts": list(self.counts.by_kind),
            "recent": sorted(self._recent.items()),
        }

    def _number(self, event: Event) -> int:
        name = kind(event)
        number = self._numbers.get(name)
        if number is None:
            counts, other = self.counts, len(self.counts.kinds) >= MAX_KINDS
            if other and _OTHER in self._numbers:
                return self._numbers[_OTHER]
            number = self._numbers[_OTHER if other else name] = len(counts.kinds)
            counts.kinds.append(_OTHER if other else name)
            counts.filters.append({} if other else selecting(event))
            counts.by_kind.append(0)
        return number

    def _user(self, event: Event) -> str | None:
        name = self._people.actor(event)
        return None if name is None else name[:_MAX_TEXT]


def _count(sums: dict[int, dict[int, int]], period: int, number: int, kept: int) -> None:
    """Count a message in its period; periods before the last `kept` ones are forgotten."""
    counts = sums.get(period)
    if counts is None:
        counts = sums[period] = {}
        if len(sums) > 2 * kept:
            _forget(sums, max(sums) - kept)
    counts[number] = counts.get(number, 0) + 1


def _forget(sums: dict[int, dict[int, int]], last: int) -> None:
    """Forget the counts of a period and of those before it."""
    for period in [each for each in sums if each <= last]:
        del sums[period]
