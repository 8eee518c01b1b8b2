"""What the terminal view shows: topics, users, and the last messages of each topic.

A topic is here what a lamp of the page stands for: category and action, without the names of people
and objects (`hubbub.live.stream.frames.kind`); of an access log it is a section of the site.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hubbub.collector.decode.logs.access_log import HTTP
from hubbub.collector.event import Event
from hubbub.live.stream.frames import Received, kind
from hubbub.live.stream.people import Numbered
from hubbub.live.terminal.periods import section

__all__ = ["SECONDS", "Shown", "Tally", "Topic"]

SECONDS = 60  # of the sparkline
_RATE = 10  # seconds over which a rate is taken
_LAST = 50  # messages of a topic that are kept
_MAX_TOPICS = 500  # at twice as many the least frequent are added up as one
_MAX_USERS = 20_000  # at twice as many the least active are dropped
_MAX_TEXT = 100  # characters of a name
_MAX_OBJECTS = 3  # of a message


class Shown(NamedTuple):
    """A message, as far as it is shown."""

    time: int  # µs since the epoch: when it was published
    user: str
    objects: str
    topic: str


@dataclass(slots=True)
class Topic:
    """The messages of a topic."""

    name: str
    total: int = 0
    last: deque[Shown] = field(default_factory=lambda: deque(maxlen=_LAST))
    _newest: int = 0  # second
    _counts: array[int] = field(default_factory=lambda: array("L", bytes(8 * SECONDS)))

    def add(self, second: int) -> None:
        """Count a message of a second."""
        self.total += 1
        if second > self._newest:
            for skipped in range(max(self._newest + 1, second - SECONDS + 1), second + 1):
                self._counts[skipped % SECONDS] = 0
            self._newest = second
        if second > self._newest - SECONDS:
            self._counts[second % SECONDS] += 1

    def recent(self, now: int, seconds: int = SECONDS) -> list[int]:
        """Return the messages of each of the last seconds (60 at most), the latest last."""
        return [
            self._counts[second % SECONDS] if self._newest - SECONDS < second <= self._newest else 0
            for second in range(now - seconds + 1, now + 1)
        ]

    def rate(self, now: int, seconds: int = _RATE) -> float:
        """Return messages per second over the last whole seconds, those before `now`."""
        return sum(self.recent(now - 1, seconds)) / seconds

    def merge(self, other: Topic) -> None:
        """Add the total of another topic, whose seconds and messages are not kept."""
        self.total += other.total


class Tally:
    """Counts events since the start of the view, in bounded memory.

    Args:
        names: whether people are named; otherwise they are `person 1`, `person 2`, ….
    """

    def __init__(self, *, names: bool = True) -> None:
        self.all = Topic("all")
        self.bytes = 0
        self.topics: dict[str, Topic] = {}
        self.rest = Topic("rare topics")  # those that are no longer counted one by one
        self.users: Counter[str] = Counter()
        self._people = Numbered(names=names)

    def add(self, received: Iterable[Received]) -> None:
        """Count events by the second of their arrival."""
        topics = self.topics
        for event, arrived in received:
            second = arrived // 1_000_000
            name = ((event.topic == HTTP and section(event)) or kind(event))[:_MAX_TEXT]
            topic = topics.get(name)
            if topic is None:
                topic = topics[name] = Topic(name)
            self.all.add(second)
            topic.add(second)
            self.bytes += event.size
            users = {self._people.name(user)[:_MAX_TEXT] for user in event.users}
            self.users.update(users)
            topic.last.append(self._shown(event))
        if len(topics) > 2 * _MAX_TOPICS:
            self._fold()
        if len(self.users) > 2 * _MAX_USERS:
            self.users = Counter(dict(self.users.most_common(_MAX_USERS)))

    def _shown(self, event: Event) -> Shown:
        user = event.agent or next(iter(event.users), "")
        objects = ", ".join(name[:_MAX_TEXT] for name in event.objects[:_MAX_OBJECTS])
        return Shown(
            event.time,
            self._people.name(user)[:_MAX_TEXT] if user else "",
            self._people.hide(objects, event),
            self._people.hide(event.topic[:_MAX_TEXT], event),
        )

    def _fold(self) -> None:
        """Add up the least frequent topics as one."""
        ordered = sorted(self.topics.values(), key=lambda topic: -topic.total)
        for topic in ordered[_MAX_TOPICS:]:
            self.rest.merge(topic)
        self.topics = {topic.name: topic for topic in ordered[:_MAX_TOPICS]}
