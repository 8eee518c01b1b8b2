"""Badges: the number at a path, its coverage, safe and legible in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hubbub.errors import UsageError
from hubbub.sharing.badge import draw, number_at
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("badge") / "store"
    fill(folder)
    with serving(folder) as running:
        yield running


def texts(svg: bytes) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_number_with_its_coverage(served: Served) -> None:
    query = served.get("/query/volume.json?per=week").json()
    total = sum(row["messages"] for row in query["data"])
    answer = served.get("/badge/volume.svg?per=week&path=*.messages&label=messages")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["hubbub-coverage"] == "unproven"
    assert texts(answer.content) == ["messages", f"{total:,}", "unproven"]
    [title] = ET.fromstring(answer.content).iter(f"{SVG}title")
    assert title.text == (
        f"messages: {total:,} (completeness unproven: only what was heard or imported is counted)"
    )
    last = served.get("/badge/volume.svg?per=week&path=-1.messages")
    assert texts(last.content)[1] == str(query["data"][-1]["messages"])
    again = served.get(
        "/badge/volume.svg?per=week&path=-1.messages",
        headers={"If-None-Match": last.headers["etag"]},
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/badge/volume.svg", 400, "path=-1.start for the last row"),
        ("/badge/volume.svg?path=-1", 400, "it has start"),
        ("/badge/volume.svg?path=-1.start", 400, "a text, not a number"),
        ("/badge/volume.svg?path=-1.colour", 400, "no part 'colour'"),
        ("/badge/nothing.svg", 404, "no query"),
        ("/badge/volume.svg?per=century", 400, "per cannot be"),
    ],
)
def test_mistakes(served: Served, path: str, status: int, words: str) -> None:
    answer = served.get(path)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert words in f"{error['message']} {error['hint']}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", 1),
        ("list.0.n", 2),
        ("list.-1.n", None),
        ("list.7.n", None),
        ("list.*.n", 2.5),
        ("/dotted.key/x", 4),
        ("map.*", 7),
    ],
)
def test_paths(path: str, expected: float | None) -> None:
    data: dict[str, Any] = {
        "a": 1,
        "list": [{"n": 2}, {"n": 0.5}, {"n": None}],
        "dotted.key": {"x": 4},
        "map": {"a": 3, "b": 4},
    }
    assert number_at(data, path) == expected


@pytest.mark.parametrize("path", ["", "b", "a.b", "list", "list.x", "map", "a" + ".a" * 30])
def test_paths_that_lead_to_no_number(path: str) -> None:
    with pytest.raises(UsageError) as error:
        number_at({"a": 1, "list": [1], "map": {}}, path)
    assert error.value.hint


def test_a_bare_number() -> None:
    assert number_at(3, "") == 3


def test_labels_are_untrusted() -> None:
    hostile = "</text><script>alert(1)</script>\u202e" + "x" * 500
    svg = draw(hostile, 1.5, "complete")
    root = ET.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert len(texts(svg)[0]) <= 40
    assert "\u202e" not in svg.decode()
    assert texts(draw("\u202e", 1, "complete"))[0] == "hubbub"


def test_what_a_badge_says_of_its_coverage() -> None:
    assert texts(draw("a", 12345, "complete")) == ["a", "12,345"]
    assert texts(draw("a", 0, "healed")) == ["a", "0"]
    assert texts(draw("a", 0.25, "unproven")) == ["a", "0.250", "unproven"]
    assert texts(draw("a", 1, "complete", incomplete=True)) == ["a", "1", "incomplete"]
    assert texts(draw("a", None, "unproven")) == ["a", "no data", "unproven"]


def test_a_badge_is_wide_enough_and_has_both_themes() -> None:
    svg = draw("number of messages", 123_456_789, "unproven")
    root = ET.fromstring(svg)
    rects = [(float(r.get("x", "")), float(r.get("width", ""))) for r in root.iter(f"{SVG}rect")]
    assert float(root.get("width", "")) == sum(width for _, width in rects)
    for (left, width), (following, _) in pairwise(rects):
        assert left + width == following
    assert "prefers-color-scheme:dark" in svg.decode()
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title")
