"""Random stores, also of shapes that make sentences false: ties, silence, bots, a single person."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR, WEEK = timedelta(days=1), timedelta(hours=1), timedelta(weeks=1)
BOTS = ("releng", "koschei", "kde-sig")
TOPICS = ("org.x.prod.git.receive", "org.x.prod.wiki.edit", "org.x.prod.bodhi.new", "a.b.c.d.e")
HTTP = "http.access"
SOURCES = ("zmq:tcp://hub.example.org:9940", "history:https://history.example.org/raw")
#: Kinds of stores; seed modulo their number chooses one, so that every kind is drawn equally often.
KINDS = (
    *("any", "months", "steady", "web", "ties", "rare", "bots", "alone", "peaks", "nobody"),
    *("joining", "hours", "crowd", "few"),
)


@dataclass(frozen=True)
class Message:
    time: datetime
    topic: str
    users: tuple[str, ...]  # accounts, sorted
    objects: tuple[str, ...]  # sorted

    @property
    def category(self) -> str:
        return HTTP if self.topic == HTTP else self.topic.split(".")[3]


@dataclass(frozen=True)
class Span:
    source: str
    start: datetime
    end: datetime
    state: str


@dataclass(frozen=True)
class World:
    """Messages, the range that is asked for (None: as much as is stored), the ledger, merges."""

    seed: int
    kind: str
    since: datetime | None
    until: datetime | None
    messages: tuple[Message, ...]
    spans: tuple[Span, ...] = ()
    merged: dict[str, str] = field(default_factory=dict)  # account → person

    @property
    def range(self) -> tuple[datetime, datetime]:
        """The range that is meant, see `beginning`."""
        since, until = self.since, self.until
        if until is None:
            until = self.messages[-1].time.replace(microsecond=0) + timedelta(seconds=1)
        return since or beginning([m.time for m in self.messages]), until


def beginning(times: list[datetime]) -> datetime:
    """Where a range begins that was not asked for: with the first day or hour, if it is whole."""
    first = times[0]
    for length in (DAY, HOUR):
        start = first - (first - MONDAY) % length
        near = [t for t in times if t <= first + length]
        pauses = [b - a for a, b in pairwise(near)]
        if pauses and first - start <= max(pauses):
            return start
    return first


def world(seed: int) -> World:
    """Draw the messages of a kind of store, its range, ledger and merged accounts."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    days = _days(rng, kind)
    start = MONDAY + rng.choice((0, 0, 0, 24, 1, 13.25)) * HOUR
    end = start + days * DAY - rng.choice((0, 0, 0, 0.1, 5, 11.5)) * HOUR
    if kind == "hours":
        end = start + rng.choice((1, 5, 20, 30)) * HOUR
    drawn = DRAW.get(kind, _any)(rng, start, end)
    if kind not in {"bots", "nobody"} or rng.random() < 0.5:
        drawn = _with_bots(rng, drawn)
    messages = tuple(sorted(drawn, key=lambda m: (m.time, m.topic, m.users)))
    asked = not messages or rng.random() < 0.75
    spans = _spans(rng, start, end) if asked and rng.random() < 0.5 else ()
    since, until = (start, end) if asked else (None, None)
    return World(seed, kind, since, until, messages, spans, _merges(rng, messages))


def _days(rng: random.Random, kind: str) -> int:
    if kind in {"rare", "months", "joining"}:
        return rng.choice((120, 200, 400, 800))
    if kind in {"steady", "crowd"}:
        return rng.choice((100, 130))
    return rng.choice((1, 2, 3, 7, 14, 15, 40, 60))


def _at(rng: random.Random, start: datetime, end: datetime) -> datetime:
    return start + timedelta(seconds=rng.randrange(max(int((end - start).total_seconds()), 1)))


def _names(rng: random.Random, n: int) -> list[str]:
    return rng.sample([f"p{i:02}" for i in range(max(40, n))], n)


def _objects(rng: random.Random, most: int = 3) -> tuple[str, ...]:
    names = rng.sample([f"pkg{i}" for i in range(most)], min(rng.choice((0, 1, 1, 2)), most))
    return tuple(sorted(names))


def _any(rng: random.Random, start: datetime, end: datetime, people: int = 0) -> list[Message]:
    persons = _names(rng, people or rng.choice((1, 2, 3, 5, 12, 30)))
    topics = rng.sample(TOPICS, rng.randint(1, 4))
    power = rng.choice((0, 1, 2))
    weights = [1 / (i + 1) ** power for i in range(len(persons))]
    kinds, messages = rng.choice((1, 3, 20)), []
    for _ in range(rng.choice((0, 1, 2, 6, 40, 150))):
        number = rng.choices((0, 1, 2), (2, 8, 1))[0]
        users = tuple(sorted(set(rng.choices(persons, weights, k=number))))
        when = _at(rng, start, end)
        messages.append(Message(when, rng.choice(topics), users, _objects(rng, kinds)))
        if rng.random() < 0.1:  # a run of messages is one action
            messages += [
                Message(when + timedelta(minutes=i), messages[-1].topic, users, ("run",))
                for i in range(1, 5)
                if when + timedelta(minutes=i) < end
            ]
    return messages


def _ties(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    """Everybody has as much as everybody, on every object."""
    persons, each = _names(rng, rng.choice((2, 3, 7, 15))), rng.choice((1, 2, 5))
    number = rng.choice((1, 2, 13))
    return [
        Message(_at(rng, start, end), TOPICS[i % 2], (person,), (f"pkg{(i + j) % number}",))
        for j, person in enumerate(persons)
        for i in range(each)
    ]


def _rare(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    """People who act twice a year, and hardly at other times."""
    number = int((end - start) / (182 * DAY)) + 1
    return [
        Message(_at(rng, start, end), rng.choice(TOPICS), (person,), _objects(rng))
        for person in _names(rng, rng.choice((1, 12, 25)))
        for _ in range(number)
    ]


def _alone(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    return _any(rng, start, end, people=1)


def _only_bots(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    return [
        Message(_at(rng, start, end), rng.choice(TOPICS), (rng.choice(BOTS),), _objects(rng))
        for _ in range(rng.choice((1, 5, 60)))
    ]


def _peaks(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    """Two equal bursts in silence."""
    persons = _names(rng, 6)
    bursts = [_at(rng, start, end - HOUR if end - start > HOUR else end) for _ in range(2)]
    return [
        Message(min(when + timedelta(minutes=i), end - DAY / 1000), TOPICS[0], (persons[i],), ())
        for when in bursts
        for i in range(6)
    ]


def _nobody(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    return [
        Message(_at(rng, start, end), rng.choice(TOPICS), (), _objects(rng))
        for _ in range(rng.choice((1, 5, 60)))
    ]


def _joining(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    """One person at first, then a crowd of whom few stay."""
    first, *others = _names(rng, rng.choice((5, 20, 35)))
    messages = []
    for person in (first, *others):
        joined = start if person == first else _at(rng, start + (end - start) / 4, end)
        stays = rng.choice((1, 20, 60, 200)) * DAY
        messages += [
            Message(
                _at(rng, joined, min(joined + stays, end)),
                rng.choice(TOPICS),
                (person,),
                _objects(rng, 5),
            )
            for _ in range(rng.choice((1, 2, 8)))
        ]
    return messages


def _steady(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    """People with habits, of whom some work much more, at night or without a pause in the end."""
    messages: list[Message] = []
    for i, person in enumerate(_names(rng, rng.choice((6, 11, 14)))):
        wakes, busier = rng.randrange(24), rng.choice((1, 1, 1, 4))
        late, own = rng.random() < 0.2, rng.random() < 0.3
        for day in range(int((end - start) / DAY)):
            midnight = start.replace(hour=0, minute=0) + day * DAY
            recent = end - midnight < 28 * DAY
            for _ in range(busier if recent else rng.choice((0, 1, 2))):
                hour = (wakes + rng.triangular(0, 9) + (12 if late and recent else 0)) % 24
                when = midnight + hour * HOUR
                what = (f"own{i}",) if own and rng.random() < 0.3 else _objects(rng, 8)
                if start <= when < end:
                    when = when.replace(microsecond=0)
                    messages.append(Message(when, rng.choice(TOPICS[:3]), (person,), what))
    return messages


def _web(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    """Requests of a web server beside other messages."""
    sections = [f"/s{i}" for i in range(rng.choice((1, 2, 8)))]
    requests = [
        Message(
            _at(rng, start, end), HTTP, (), (rng.choice(sections),) if rng.random() < 0.9 else ()
        )
        for _ in range(rng.choice((1, 2, 30, 120)))
    ]
    return requests + (_any(rng, start, end) if rng.random() < 0.5 else [])


def _crowd(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    """Many people, so that intervals are given and tops are cut."""
    persons = _names(rng, rng.choice((40, 40, 150)))
    weights = [1 / (i + 1) for i in range(len(persons))]
    return [
        Message(
            _at(rng, start, end),
            rng.choice(TOPICS),
            (rng.choices(persons, weights)[0],),
            _objects(rng, 45),
        )
        for _ in range(10 * len(persons))
    ]


def _few(rng: random.Random, start: datetime, end: datetime) -> list[Message]:
    persons = _names(rng, 3)
    return [
        Message(_at(rng, start, end), rng.choice(TOPICS), (rng.choice(persons),), _objects(rng, 2))
        for _ in range(rng.choice((1, 2, 3, 4)))
    ]


DRAW = {
    "ties": _ties,
    "rare": _rare,
    "alone": _alone,
    "bots": _only_bots,
    "peaks": _peaks,
    "nobody": _nobody,
    "joining": _joining,
    "steady": _steady,
    "web": _web,
    "crowd": _crowd,
    "few": _few,
}


def _with_bots(rng: random.Random, messages: list[Message]) -> list[Message]:
    bots = rng.sample(BOTS, rng.randrange(4))
    if not bots:
        return messages
    return [
        Message(m.time, m.topic, tuple(sorted({*m.users, rng.choice(bots)})), m.objects)
        if m.topic != HTTP and rng.random() < 0.3
        else m
        for m in messages
    ]


def _merges(rng: random.Random, messages: tuple[Message, ...]) -> dict[str, str]:
    accounts = sorted({u for m in messages for u in m.users} - set(BOTS))
    if len(accounts) < 2 or rng.random() < 0.7:
        return {}
    person, *others = rng.sample(accounts, rng.choice((2, 2, 3)) if len(accounts) > 2 else 2)
    return dict.fromkeys(others, person)


def _spans(rng: random.Random, start: datetime, end: datetime) -> tuple[Span, ...]:
    """Draw a ledger in whole minutes; some ranges are complete."""
    minutes = int((end - start) / timedelta(minutes=1))
    if rng.random() < 0.3:
        spans = [Span(SOURCES[1], start - HOUR, end + HOUR, "complete")]
    else:
        spans = []
        for _ in range(rng.choice((1, 2, 5))):
            low, high = sorted(rng.randrange(minutes + 1) for _ in range(2))
            state = rng.choice(("complete", "complete", "gap", "unproven", "healed"))
            source = SOURCES[1] if state == "complete" else SOURCES[0]
            spans.append(
                Span(
                    source,
                    start + timedelta(minutes=low),
                    start + timedelta(minutes=high + 1),
                    state,
                )
            )
    if rng.random() < 0.3:
        middle = start + timedelta(minutes=minutes // 2)
        gap = rng.choice(("gap", "healed"))
        spans.append(Span(SOURCES[0], middle, middle + timedelta(minutes=30), gap))
    return tuple(spans)
