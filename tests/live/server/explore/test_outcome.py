"""Answers of any origin are taken apart for a page, also those that are not as they should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.charts.picture.drawing import Drawing
from hubbub.live.server.explore.outcome import outcome
from hubbub.live.server.html.results import notes

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC)
GAP = Gap(START, END, "zmq", "lost")
RESULT = Result("q", {}, [{"a": 1}], START, END, 5, Coverage("unproven", (GAP,)), columns=("a",))


def test_a_result_has_a_table_and_its_range() -> None:
    found = outcome(RESULT, ["a note"])
    assert found.table is not None
    assert (list(found.table.columns), list(found.table.rows)) == (["a"], [[1]])
    assert found.range == ("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z")
    assert (found.events, found.notes, found.coverage) == (5, ["a note"], RESULT.coverage)


def test_a_text_is_shown_as_it_is() -> None:
    assert outcome(replace(RESULT, data="one\ntwo")).text == "one\ntwo"
    sentences = outcome(replace(RESULT, diagnostics={"text": "said", "n": 1}))
    assert (sentences.text, sentences.table, dict(sentences.diagnostics)) == (
        "said",
        None,
        {"n": 1},
    )
    assert outcome("bare").text == "bare"
    assert outcome("<p>x</p>").as_page().page


def test_other_data_are_a_table() -> None:
    found = outcome({"a": 1, "b": [2]})
    assert found.table is not None
    assert [list(row) for row in found.table.rows] == [["a", 1], ["b", [2]]]
    assert found.coverage is None


def drawing(**coverage: Any) -> Drawing:
    facts = {"since": "2026-01-01", "until": "2026-01-08", "events": 3, "coverage": coverage}
    return Drawing(b"<svg/>", "t", "d", ("x",), ((1,),), facts)


def test_a_drawing_brings_its_coverage() -> None:
    found = outcome(drawing(**RESULT.coverage.document()))
    assert found.coverage == RESULT.coverage
    assert (found.range, found.events) == (("2026-01-01", "2026-01-08"), 3)


@pytest.mark.parametrize(
    "coverage",
    [
        {},
        {"state": "fine\r\nSet-Cookie: x=1"},
        {"state": "complete", "gaps": [{}]},
        {"state": "complete", "gaps": [{"start": 1, "end": 2, "source": "", "why": ""}]},
        {"state": "complete", "gaps": 5},
        {"state": ["complete"]},
    ],
)
def test_metadata_of_a_plugin_may_be_anything(coverage: dict[str, Any]) -> None:
    assert outcome(drawing(**coverage)).coverage is None
    assert outcome(replace(RESULT, coverage=Coverage("fine\r\nx"))).coverage is None


def test_remarks_name_parameters_not_options() -> None:
    text = "10 known programs left out; --bots counts <them>, --not-user too"
    expected = "10 known programs left out; bots counts &lt;them&gt;, not_user too"
    assert notes([text]) == f'<ul class="notes"><li>{expected}</li></ul>'
    assert notes([]) == ""
