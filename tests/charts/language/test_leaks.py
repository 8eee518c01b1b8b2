"""Nothing that a picture says escapes the catalogue: all is wrapped in a language made for that."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import groupby
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.graphs.common import COLUMNS
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.language import _, catalogue, use_language
from tests.support.charts import pseudo
from tests.support.charts.chart_samples import VIEWS, drawn
from tests.support.charts.svg_faults import SVG

CASES = ("simulated", "empty", "one", "alone")
#: Options by view that say something else than the defaults.
OPTIONS = [
    *(("longtail", {"metric": metric}) for metric in ("gini", "effective_people", "pielou")),
    ("overload", {"people": True}),
    ("radar", {"axis": "topic", "axes": 3}),
    ("volume", {"per": "hour"}),
    ("active_users", {"per": "quarter"}),
    ("weekly_diff", {"axis": "category"}),
]


@pytest.fixture(scope="module", autouse=True)
def wrapped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogues")
    pseudo.write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "FOLDER", folder)
        with use_language(pseudo.NAME):
            yield


def names(drawing: Drawing) -> set[str]:
    """The data of a picture: what may stand there in any language."""
    cells = {str(cell) for row in drawing.rows for cell in row if isinstance(cell, str)}
    # names of columns are English: one that has a translation is no data
    own = {name for name in drawing.columns if name not in COLUMNS and _(name) == name}
    parts = {part for cell in cells for part in cell.replace("://", ":").split(":")}
    hosts = {part.partition("/")[0] for part in parts}
    short = set(text.short_names(cells | own).values())
    return {name for name in {*cells, *own, *hosts, *short, "UTC", "Q"} if len(name) > 1}


def texts(drawing: Drawing) -> list[str]:
    """The texts of a picture: title, description, and each text; lines of one are put together."""
    root = ET.fromstring(drawing.svg())
    nodes = [(node.get("class"), node.text or "") for node in root.iter(f"{SVG}text")]
    lines = [
        " ".join(line for _role, line in group)
        for _role, group in groupby(nodes, key=lambda node: node[0])
    ]
    return [drawing.title, drawing.description, drawing.empty, *lines]


def check(drawing: Drawing) -> None:
    found = {left for each in texts(drawing) if (left := pseudo.unwrapped(each, names(drawing)))}
    assert not found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_nothing_outside_of_the_catalogue(view: str, case: str):
    check(drawn(view, case, Chart(), gaps=case == "simulated"))


@pytest.mark.parametrize(("view", "options"), OPTIONS)
def test_options_say_nothing_outside_of_the_catalogue(view: str, options: dict[str, Any]):
    check(drawn(view, "simulated", Chart(), **options))


def test_the_language_finds_what_is_not_wrapped():
    assert pseudo.unwrapped("⟦a ⟦b⟧⟧ 12 alice, ⟦c⟧", ["alice"]) == ""
    assert pseudo.unwrapped("⟦a⟧ and ⟦b⟧") == "and"
