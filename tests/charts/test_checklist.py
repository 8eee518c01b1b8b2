"""Every view for every case: the picture has no faults and may be published."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from hubbub.charts.views.activity import daily_diff, radar, volume, weekly_diff
from hubbub.charts.views.coverage import coverage
from hubbub.charts.views.evenness import tail
from hubbub.charts.views.objects import heatmap, users_per_object
from hubbub.charts.views.overload import overload
from hubbub.charts.views.traffic import traffic
from tests.support.charts.chart_answers import view as answered
from tests.support.charts.chart_samples import CASES, HOSTILE, VIEWS, picture
from tests.support.charts.svg_faults import SVG, faults


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("view", VIEWS)
def test_may_be_published(view: str, case: str) -> None:
    drawing = picture(view, case, gaps=case == "crowd")
    assert faults(drawing.svg()) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_one_theme_only(view: str, theme: str) -> None:
    svg = picture(view, "world", theme).svg()
    assert faults(svg) == []
    assert b"prefers-color-scheme" not in svg
    assert (b"#0d1117" in svg) is (theme == "dark")
    assert (b"#ffffff" in svg) is (theme == "light")


@pytest.mark.parametrize("view", VIEWS)
def test_auto_has_both_themes_and_print(view: str) -> None:
    svg = picture(view, "world").svg()
    assert b"@media screen and (prefers-color-scheme:dark)" in svg
    assert b"@media print" in svg
    assert b'fill="#ffffff"' in svg  # the base survives without the style sheet


@pytest.mark.parametrize("view", VIEWS)
def test_metadata_state_the_source_of_the_numbers(view: str) -> None:
    drawing = picture(view, "crowd", gaps=True)
    node = ET.fromstring(drawing.svg()).find(SVG + "metadata")
    assert node is not None
    assert node.text is not None
    metadata = json.loads(node.text)
    assert metadata["query"] in {view, "tail", "diff"}
    assert metadata["since"] == "2026-01-05T00:00:00Z"
    assert metadata["until"] == "2026-02-02T00:00:00Z"
    assert re.fullmatch("[0-9a-f]{64}", metadata["data_sha256"])
    assert metadata["coverage"]["state"] == "unproven"
    assert metadata["events"] > 0


@pytest.mark.parametrize("view", VIEWS)
def test_badge_only_where_something_is_missing(view: str) -> None:
    assert "3 h of 28 days missing" in picture(view, "crowd", gaps=True).svg().decode()
    assert "missing" not in picture(view, "crowd").svg().decode()


@pytest.mark.parametrize("view", VIEWS)
def test_source_line(view: str) -> None:
    svg = picture(view, "simulated").svg().decode()
    assert re.search(
        r">Source: ([\d,]+ of )?[\d,]+ messages( name a person)?, 5 Jan – 29 Mar 2026<", svg
    )


def texts(svg: bytes, roles: str) -> list[str]:
    nodes = ET.fromstring(svg).iter(f"{SVG}text")
    return [n.text or "" for n in nodes if n.get("class") == roles]


def test_at_most_nine_x_labels_at_365_points() -> None:
    labels = texts(picture("longtail", "year").svg(), "mu m")
    assert 4 <= len(labels) <= 9
    assert labels[0] == "Feb 2026" or labels[0].endswith("2026")
    assert all(re.fullmatch(r"(\d+ )?[A-Z][a-z]{2}( \d{4})?", label) for label in labels)


def test_four_to_six_y_ticks() -> None:
    for view in ("longtail", "tail", "volume"):
        for case in ("simulated", "year", "crowd", "one"):
            assert 4 <= len(texts(picture(view, case).svg(), "mu e")) <= 6, (view, case)


def test_an_empty_plot_has_no_scale() -> None:
    for view in VIEWS:
        if view == "coverage":  # its ledger is not empty
            continue
        svg = picture(view, "empty").svg()
        assert texts(svg, "mu e") == []
        assert len(texts(svg, "mu t2 m")) == 1  # which states why it is empty


def test_sizes() -> None:
    assert len(picture("longtail", "year").svg()) <= 25_000
    assert len(picture("volume", "simulated").svg()) <= 30_000  # 84 stacked days
    for case in CASES:
        assert len(picture("heatmap", case).svg()) <= 25_000, case  # 24 × 30
        assert len(picture("users_per_object", case).svg()) <= 40_000, case  # 12 rows × 84 frames
    for view in VIEWS:
        for case in CASES:
            assert len(picture(view, case).svg()) <= 45_000, (view, case)


def test_a_thousand_users_are_not_a_thousand_nodes() -> None:
    for view in VIEWS:
        nodes = sum(1 for _ in ET.fromstring(picture(view, "crowd").svg()).iter())
        assert nodes <= (400 if view == "users_per_object" else 100), (view, nodes)


def test_hostile_names_are_only_text() -> None:
    ranks = [
        {"rank": i + 1, "user": name, "count": 20 - i, "ideal": 20.0 - i}
        for i, name in enumerate(HOSTILE)
    ]
    canned = answered(tail, ranks)  # as a plugin may pass them, not cleaned by decoding
    assert len(canned.table()) == len(HOSTILE)
    for drawing in (picture("tail", "hostile"), canned):
        svg = drawing.svg().decode()
        assert "<script>" not in svg
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in svg
        assert all(1 <= len(row["user"]) <= 80 for row in drawing.table())


def test_names_that_were_not_cleaned_by_decoding_may_be_published() -> None:
    """Canned results, which may hold what decoding removes: NUL, bidi controls, lone surrogates."""
    pairs = [{"user": a, "object": b, "messages": 3} for a in HOSTILE for b in HOSTILE]
    answered(heatmap, pairs)
    end = "2026-01-19T00:00:00Z"
    counts = [
        {"end": end, "rank": i, "object": name, "users": i} for i, name in enumerate(HOSTILE, 1)
    ]
    answered(users_per_object, counts, notes={"step": 86400})
    shares = {name: {"counts": [1] * 10, "share": [0.1] * 10} for name in HOSTILE}
    answered(radar, {"radar": {"axes": list(HOSTILE), "totals": [9] * 10, "users": shares}})
    start = "2026-01-05T00:00:00Z"
    answered(volume, [{"start": start, "name": name, "messages": 3} for name in HOSTILE])
    sections = [[name, 3] for name in HOSTILE]
    hits = {"total_hits": 30, "total_bytes": 900, "without_section": 0}
    answered(traffic, [{"start": start, "sections": sections, **hits}])
    changes = {name: [3, 4] for name in HOSTILE}
    diffs = {name: [None, 1] for name in HOSTILE}
    labels = ["2026-W02", "2026-W03"]
    largest = {"name": HOSTILE[0], "label": labels[1], "change": 1, "times": 1}
    for view in (weekly_diff, daily_diff):
        document = {"diff": {"labels": labels, "counts": changes, "diff": diffs}}
        answered(view, document, notes={"names": len(HOSTILE), "largest": largest})
    spans = [
        {"source": name, "filters": name, "start": start, "end": end, "state": "gap", "proof": name}
        for name in HOSTILE
    ]
    answered(coverage, {"coverage": spans, "coverage --per repository": []}, ledger=spans)
    people = [{"user": name, "signs": ["load"], "load": 1, "usual": None} for name in HOSTILE]
    answered(overload, people, people=True)
