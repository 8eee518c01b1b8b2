"""hubbub in a notebook: display of results and charts."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hubbub as hubbub_package
from hubbub.errors import UsageError
from hubbub.notebook import NotebookStore
from tests.support.commandline import HOSTILE, SINCE, UNTIL, Run


@pytest.fixture
def bus(
    made_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NotebookStore]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with hubbub_package.open(made_store) as opened:
        yield opened


def test_a_chart_is_displayed(bus: NotebookStore, hubbub: Run, made_store: Path) -> None:
    drawing = bus.chart("tail", since=SINCE, until=UNTIL)
    assert drawing._repr_svg_().startswith("<?xml")
    result = hubbub("chart", "tail", "--since", SINCE, "--until", UNTIL, "--store", made_store)
    assert drawing.svg().decode() == result.out  # the same as on the command line
    dark = bus.chart("tail", theme="dark").svg()
    assert b"#0d1117" in dark
    german = bus.chart("tail", lang="de").svg()
    assert b"Nachrichten je Person" in german
    assert german == bus.view.tail(lang="de").svg()


def test_a_result_is_displayed_and_escaped(bus: NotebookStore) -> None:
    answer = bus.query("tail", since=SINCE)
    assert answer.query == "tail"
    assert answer.data[0]["user"] == "alice"
    page = answer._repr_html_()
    assert "<caption>tail: 5 events" in page
    assert "<td>alice</td>" in page
    assert HOSTILE not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("query", "text"),
    [("radar", "<td>axes</td>"), ("active_users", "2026-01-04"), ("diff", "<td>labels</td>")],
)
def test_results_of_every_shape(bus: NotebookStore, query: str, text: str) -> None:
    assert text in bus.query(query)._repr_html_()


def test_filters_and_options(bus: NotebookStore) -> None:
    with_bots = bus.query("tail", bots=True, category="buildsys").data
    assert [row["user"] for row in with_bots] == ["releng"]
    assert bus.query("tail", category="buildsys").data == []
    with pytest.raises(UsageError, match="no parameter 'colour'"):
        bus.query("tail", colour="red")


def test_a_style(made_store: Path, tmp_path: Path) -> None:
    style = tmp_path / "style.toml"
    style.write_text('[light]\npage = "#fffef0"\n')
    with hubbub_package.open(made_store, style=style) as bus:
        assert "#fffef0" in bus.chart("tail")._repr_svg_()


def test_no_store_is_created(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no store"):
        hubbub_package.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_importing_hubbub_imports_no_submodule() -> None:
    program = "import sys, hubbub; print([m for m in sys.modules if m.startswith('hubbub.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"['hubbub.lazy']"
