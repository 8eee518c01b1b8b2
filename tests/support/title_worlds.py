"""Random stores for the test of titles, and the texts of pictures taken apart."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hubbub.run.runner import Runner

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
BOTS = ("releng", "koschei", "kde-sig")
PEOPLE = tuple(f"p{i:02}" for i in range(30))
TOPICS = ("org.x.prod.git.receive", "org.x.prod.wiki.edit", "org.x.prod.bodhi.new", "a.b.c.d.e")
OF = "messages that name a person"


@dataclass(frozen=True)
class Message:
    time: datetime
    topic: str
    users: tuple[str, ...]
    objects: tuple[str, ...]

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(u for u in self.users if u not in BOTS)


@dataclass(frozen=True)
class World:
    """A range of whole days and its messages."""

    days: int
    messages: tuple[Message, ...]

    @property
    def until(self) -> datetime:
        return START + self.days * DAY


def world(seed: int) -> World:
    """Draw messages: few or many people, ties, silence, bots, several users or none."""
    rng = random.Random(seed)
    days = rng.choice((2, 3, 7, 14, 40))
    people = rng.sample(PEOPLE, rng.choice((1, 2, 3, 5, 12, 30)))
    bots = rng.sample(BOTS, rng.randrange(4))
    topics = rng.sample(TOPICS, rng.randint(1, 4))
    weights = [1 / (i + 1) ** rng.choice((0, 1, 2)) for i in range(len(people))]
    messages = []
    for _ in range(rng.choice((0, 1, 2, 6, 40, 150))):
        number = rng.choices((0, 1, 2), (2, 8, 1))[0]
        users = set(rng.choices(people, weights, k=number))
        users |= {rng.choice(bots)} if bots and rng.random() < 0.3 else set()
        when = START + timedelta(seconds=rng.randrange(days * 86_400))
        objects = tuple(rng.sample(("vim", "gcc", "ruby"), rng.choice((0, 1, 1, 2))))
        messages.append(Message(when, rng.choice(topics), tuple(sorted(users)), objects))
    return World(days, tuple(sorted(messages, key=lambda m: m.time)))


class Titles:
    """The pictures of a world, and what its messages say."""

    def __init__(self, drawn: World, runner: Runner) -> None:
        self.world, self.runner = drawn, runner
        self.counts = Counter(u for m in drawn.messages for u in m.people)
        self.naming = sum(bool(m.people) for m in drawn.messages)
        self.bots = {u for m in drawn.messages for u in m.users if u in BOTS}

    def draw(self, view: str, **options: Any) -> tuple[str, str]:
        """Return the title and the whole description; check what all pictures state."""
        drawing = self.runner.view(view, since=START, until=self.world.until, **options)
        svg = drawing.svg().decode()
        assert "without bots" not in svg
        assert "\N{MINUS SIGN}0.000" not in svg
        said = re.search(r"(\d+) known programs? left out", drawing.description)
        if view in {"volume", "weekly_diff", "daily_diff", "alerts", "traffic", "coverage"}:
            assert not said
        elif view != "overload":
            assert (int(said[1]) if said else 0) == len(self.bots), drawing.description
            n, all_of = self.naming, len(self.world.messages)
            assert re.search(rf">Source: {n:,} of {all_of:,} messages? names? a person, ", svg)
        return drawing.title, drawing.description

    def per_day(self) -> list[set[str]]:
        days: list[set[str]] = [set() for _ in range(self.world.days)]
        for m in self.world.messages:
            days[(m.time - START) // DAY] |= set(m.people)
        return days


def number(text: str) -> float:
    return float(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))


def shown(text: str) -> str:
    return rf"([\d.,]+){text}"


def matched(pattern: str, title: str) -> re.Match[str]:
    match = re.fullmatch(pattern, title)
    assert match, f"{title!r} is none of the forms {pattern!r}"
    return match
