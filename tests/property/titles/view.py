"""What a view is expected to say; each built-in view has a subclass."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from typing import Any, ClassVar

from hubbub.charts.picture.drawing import Drawing
from hubbub.run.runner import Runner
from tests.property.titles.facts import Facts, badge
from tests.property.titles.wording import NOBODY, many, range_of
from tests.property.titles.worlds import World

_SVG = "{http://www.w3.org/2000/svg}"


class View:
    """The expectations of one picture; `options` are what it is drawn with."""

    name: ClassVar[str]
    people: ClassVar[bool] = True  # whether it counts people
    touching: ClassVar[bool] = False  # whether only together with objects

    def __init__(self, world: World) -> None:
        self.rng = random.Random(f"{self.name} {world.seed}")
        self.options: dict[str, Any] = {}
        self.choose()

    def choose(self) -> None:
        """Draw options."""

    def narrow(self, facts: Facts) -> Facts:
        """The facts of the range that the picture is of."""
        return facts

    def title(self, facts: Facts) -> str:
        raise NotImplementedError

    def subtitle(self, facts: Facts, said: str) -> str:
        """`said` is the description as drawn, for what is only checked and not recomputed."""
        raise NotImplementedError

    def labels(self, facts: Facts, texts: list[str]) -> None:
        """Check the texts in the picture."""

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        """Check the table behind the picture."""

    def programs(self, facts: Facts) -> int:
        """How many known programs are left out."""
        return self.counted(facts).programs

    def counted(self, facts: Facts) -> Facts:
        """The facts of the messages of which people are counted."""
        return facts.touching if self.touching else facts

    def check(self, runner: Runner, world: World) -> Drawing:
        """Draw the picture, and compare all that it says."""
        asked = {} if world.since is None else {"since": world.since, "until": world.until}
        drawing: Drawing = runner.view(self.name, **asked, **self.options)
        facts = self.narrow(Facts(world, *world.range))
        title = self.title(facts)
        assert drawing.title == title
        parts = [title, self.subtitle(facts, drawing.description), self.note(facts, title)]
        description = _cut(". ".join(filter(None, parts)), 800) + "."
        missing = badge(facts)
        description += f" {missing}." if missing else ""
        assert drawing.description == description
        texts = [
            "".join(node.itertext()) for node in ET.fromstring(drawing.svg()).iter(f"{_SVG}text")
        ]
        everything = " ".join(texts)
        assert "…" not in title  # names are short here: a finding is never cut
        assert " ".join(texts[: _lines(title, texts)]) == title
        assert "\N{MINUS SIGN}0.000" not in everything
        assert not re.search(r"\b(nan|inf|None)\b", everything)
        assert self.source(facts) in everything
        assert missing in everything
        self.labels(facts, texts)
        self.rows(facts, [tuple(row) for row in drawing.rows])
        return drawing

    def note(self, facts: Facts, title: str) -> str:
        """What the picture says of programs that it leaves out."""
        number = self.programs(facts) if self.people else 0
        if not number:
            return ""
        them = "it" if number == 1 else "them"
        left = f"{many(number, 'known program')} left out"
        other = self.title(Facts(facts.world, facts.since, facts.until, bots=True))
        if other == title:
            return f"{left}; the finding would be the same with {them}"
        they = "it counted as a person" if number == 1 else "they counted as people"
        return f"{left}; if {they}, it would be: {other}"

    def source(self, facts: Facts) -> str:
        messages = many(len(facts.messages), "message")
        if self.people:
            naming = self.counted(facts).naming
            verb = "names" if naming == 1 else "name"
            what = " and an object" if self.touching else ""
            messages = f"{naming:,} of {messages} {verb} a person{what}"
        return f"Source: {messages}, {range_of(facts.since, facts.until)}"


def _lines(title: str, texts: list[str]) -> int:
    """How many of the texts are lines of the title."""
    return next((n for n in (1, 2, 3) if len(" ".join(texts[:n])) >= len(title)), 0)


def nobody_or_alike(facts: Facts, of: str) -> str:
    """The title where there is nobody, one person, or everybody has the same; else empty."""
    counts = facts.counts
    if not counts:
        return NOBODY
    if len(counts) == 1:
        return f"All {of} are of one person, {next(iter(counts))}"
    if len(set(counts.values())) == 1:
        each = next(iter(counts.values()))
        return f"All {len(counts)} people have {many(each, 'message')} each"
    return ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
