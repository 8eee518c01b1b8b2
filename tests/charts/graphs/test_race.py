"""The animation: what moves, that it ends in the base state, and that it can be turned off."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from hubbub.analyzers.result import Result
from hubbub.charts.chart import Chart
from hubbub.charts.graphs.race import SECONDS, kept_frames, tracks
from hubbub.errors import UsageError
from tests.support.charts.chart_samples import START, drawn, picture
from tests.support.charts.svg_faults import SVG, faults

ANIMATED = ("animate", "animateTransform")


def tree(case: str = "simulated") -> ET.Element:
    return ET.fromstring(picture("users_per_object", case).svg())


def group(root: ET.Element, role: str) -> ET.Element:
    return next(g for g in root.iter(f"{SVG}g") if g.get("class") == role)


def animations(root: ET.Element) -> list[tuple[ET.Element, ET.Element]]:
    return [(p, c) for p in root.iter() for c in p if str(c.tag).removeprefix(SVG) in ANIMATED]


def test_it_plays_once_and_within_five_seconds() -> None:
    animated = animations(tree())
    assert len(animated) > 20
    for _, node in animated:
        assert node.get("dur") == f"{SECONDS}s"
        assert not {"repeatCount", "fill"} & set(node.attrib)
    for node in tree().iter(f"{SVG}set"):
        begin = float((node.get("begin") or "0s")[:-1])
        assert begin + float((node.get("dur") or "")[:-1]) <= SECONDS + 0.02
    assert SECONDS <= 5


@pytest.mark.parametrize("case", ["simulated", "crowd", "one", "hostile", "decade"])
def test_the_base_is_the_last_frame(case: str) -> None:
    for parent, node in animations(tree(case)):
        values = (node.get("values") or "").split(";")
        times = [float(t) for t in (node.get("keyTimes") or "").split(";")]
        assert len(values) == len(times)  # else a browser ignores it
        assert (times[0], times[-1]) == (0, 1)
        assert all(a < b for a, b in pairwise(times))
        base = parent.get(node.get("attributeName") or "") or ""
        assert base.removeprefix("translate(").removesuffix(")") == values[-1]


def test_the_still_version_shows_the_last_frame() -> None:
    root = tree()
    still, moving = group(root, "still"), group(root, "moving")
    assert still.get("display") == "none"  # also without the style sheet

    def texts(node: ET.Element) -> set[str]:
        hidden = {
            id(t)
            for g in node.iter()
            if g.get("visibility") == "hidden"
            for t in g.iter(f"{SVG}text")
        }
        return {t.text or "" for t in node.iter(f"{SVG}text") if id(t) not in hidden}

    assert texts(still) == texts(moving)
    assert len(texts(still)) >= 13
    css = root.findtext(f"{SVG}style") or ""
    for media in (r"print", r"\(prefers-reduced-motion:reduce\)"):
        assert re.search(rf"@media {media}{{#[\w-]+ \.moving{{display:none}}", css)


def result(rows: list[dict[str, Any]], step: float = 86400) -> Any:
    class Queries:
        def users_per_object(self, since: datetime, until: datetime, **_: Any) -> Result:
            notes = {"step": step}
            return Result("users_per_object", {}, rows, since, until, 9, diagnostics=notes)

    from hubbub.charts.views.objects import users_per_object

    return users_per_object(Queries(), Chart(), START, START + timedelta(days=4))


def row(day: int, rank: int, name: str, users: int) -> dict[str, Any]:
    return {"end": f"2026-01-{5 + day:02}T00:00:00Z", "rank": rank, "object": name, "users": users}


def test_a_bar_that_overtakes() -> None:
    data = [
        *(row(2, 1, "a", 2), row(2, 2, "b", 1)),
        *(row(3, 1, "a", 2), row(3, 2, "b", 1)),
        *(row(4, 1, "b", 5), row(4, 2, "a", 2)),
    ]
    drawing = result(data)
    assert drawing.title == "b gathers the most people: 5"
    assert faults(drawing.svg()) == []
    first = next(g for g in group(ET.fromstring(drawing.svg()), "moving") if g.get("transform"))
    assert first.findtext(f"{SVG}text") == "b"
    slide = first.find(f"{SVG}animateTransform")
    assert slide is not None
    below = (slide.get("values") or "").split(";")
    assert below[0] == below[-2] != below[-1] == "0 0"
    hidden = first.find(f"{SVG}set")  # without users by the end of the first day
    assert hidden is not None
    assert (hidden.get("to"), hidden.get("begin"), hidden.get("dur")) == (
        "hidden",
        "0.00s",
        "1.50s",
    )
    assert "to 8 January 2026" in drawing.svg().decode()  # the range ends with that day


@pytest.mark.parametrize(
    ("users", "title"),
    [
        ([3, 3], "o0 and o1 gather the most people: 3 each"),
        ([2, 2, 2, 2], "4 objects gather the most people: 2 each"),
        ([2, 2, 2, 2, 1], "4 objects gather the most people: 2 each"),
        ([1], "o0 is the one object touched, by 1 person"),
        ([], "No message in this range names both a person and an object"),
    ],
)
def test_titles(users: list[int], title: str) -> None:
    assert result([row(4, i + 1, f"o{i}", n) for i, n in enumerate(users)]).title == title


def test_those_listed_longest_are_drawn() -> None:
    frames = [
        [{"object": "frequent", "users": 1}],
        [{"object": "frequent", "users": 1}, {"object": "short", "users": 1}],
        [{"object": "last", "users": 4}],
    ]
    bars, dropped = tracks(frames, most=2)
    assert [t.name for t in bars] == ["last", "frequent"]
    assert dropped == 1
    assert bars[0].places == (None, None, 0)
    assert bars[1].places == (0, 0, None)
    assert bars[1].counts == (1, 1, 1)


def test_kept_frames_are_those_where_a_line_bends() -> None:
    assert kept_frames([1, 1, 1, 2, 3, 4, 4]) == [0, 2, 5, 6]
    assert kept_frames([7]) == [0]
    assert kept_frames([7, 7]) == [0, 1]


@pytest.mark.parametrize("options", [{"top": 0}, {"top": 99}, {"frames": 0}, {"frames": 121}])
def test_too_many_bars_or_frames_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        drawn("users_per_object", "one", Chart(), **options)
