"""Clean, measure, wrap and format texts."""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.charts.picture import text
from hubbub.language.numbers import amount, brief, percent, signed, tick


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("user\u202egpj.exe\u202c", "usergpj.exe"),
        ("a\0b\x1b[31m", "a\ufffdb[31m"),
        ("\ud800lone", "\ufffdlone"),
        ("\ufffe\uffff\ufdd0", "\ufffd\ufffd\ufffd"),
        ("a\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301"),
        (" a \t\n b ", "a b"),
        ("\u2066x\u2069\u200e\u00ad", "x"),
        ("می‌خواهم", "می‌خواهم"),  # the joiner stays: without it the word is another
        ("", ""),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert text.clean(raw) == cleaned


def test_clean_is_bounded() -> None:
    assert text.clean("x" * 10_000_000, 20) == "x" * 19 + "…"
    assert len(text.clean("a\u0301" * 1000, 20)) == 20


@given(st.text(alphabet=st.characters(), max_size=200))
def test_cleaned_text_is_xml_on_one_line(raw: str) -> None:
    cleaned = text.clean(raw)
    node = ET.Element("t")
    node.text = cleaned
    assert (ET.fromstring(ET.tostring(node, encoding="utf-8")).text or "") == cleaned
    assert len(cleaned) <= 80
    assert text.clean(cleaned) == cleaned
    bidi = {unicodedata.bidirectional(c) for c in cleaned}
    assert not bidi & {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text(max_size=60), st.floats(20, 400))
def test_fit_never_exceeds_its_room(raw: str, room: float) -> None:
    assert text.width(text.fit(raw, room, 12), 12) <= room or text.fit(raw, room, 12) == "…"


def test_wrap_and_balance() -> None:
    words = "the quick brown fox jumps over the lazy dog and is gone"
    room = text.width("the quick brown fox jumps over the lazy dog and is", 12) + 1
    assert text.wrap(words, room, 12)[-1] == "gone"
    first, second = text.balanced(words, room, 12)
    assert f"{first} {second}" == words
    assert text.width(second, 12) > text.width(first, 12) / 2
    assert text.wrap(words * 9, room, 12)[-1].endswith("…")


@pytest.mark.parametrize(
    ("share", "label"),
    [(0, "0%"), (1, "100%"), (0.9996, "99.9%"), (0.0004, "<0.1%"), (0.004, "0.4%"), (0.65, "65%")],
)
def test_percent_is_0_or_100_only_if_exact(share: float, label: str) -> None:
    assert percent(share) == label


def test_numbers() -> None:
    assert [amount(v) for v in (0, 1234567, -3, 0.0444, 12.34, 1e300)][:5] == [
        "0", "1,234,567", "−3", "0.044", "12.3",
    ]  # fmt: skip
    assert [tick(v, 0.2) for v in (0, 0.2, 0.4)] == ["0", "0.2", "0.4"]
    assert [tick(v, 500) for v in (0, 500, 1000, 1500)] == ["0", "500", "1k", "1.5k"]
    assert [brief(v) for v in (708, 1091, 5210, 999_960)] == ["708", "1.09k", "5.21k", "1M"]
    assert [signed(v) for v in (387, -36, 0)] == ["+387", "−36", "±0"]


def test_short_names_of_a_bus_without_environments() -> None:
    names = ["opensuse.obs.package.create", "opensuse.obs.project.create", "opensuse.src.a.push"]
    short = ["obs.package.create", "obs.project.create", "src.a.push"]
    assert list(text.short_names(names).values()) == short


def test_short_names_stay_apart() -> None:
    names = ["org.x.prod.git.receive", "org.x.stg.git.receive", "org.x.prod.wiki.edit", "a.b"]
    assert text.short_names(names) == {
        names[0]: names[0],
        names[1]: names[1],
        names[2]: "wiki.edit",
        "a.b": "a.b",
    }
