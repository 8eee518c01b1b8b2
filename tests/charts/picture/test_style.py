"""Custom styles: reading them, using them, and checks of legibility."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.picture.style import check, contrast, distance, load
from hubbub.charts.picture.theme import DARK, DEFAULT_STYLE, LIGHT, Style
from hubbub.errors import UsageError
from tests.support.charts.chart_samples import VIEWS, drawn, picture
from tests.support.charts.svg_faults import faults


def written(folder: Path, text: str) -> Path:
    file = folder / "style.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_default_style_is_legible() -> None:
    assert check(DEFAULT_STYLE) == []


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#777777") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1


def test_red_and_green_are_alike_to_some() -> None:
    assert distance("#000000", "#ffffff") == pytest.approx(1, abs=0.001)
    red, olive = "#d62728", "#7f6b1d"
    assert distance(red, olive, "deuteranopia") < distance(red, olive) / 2
    assert distance("#0000ff", "#ffff00", "protanopia") > 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"series": ("#aa2222", "#556611", *LIGHT.series[2:])}, "series 1 #aa2222 and series 2"),
        ({"text": "#bbbbbb"}, "text #bbbbbb is hard to see on #ffffff: contrast 1.9"),
        ({"series": ("#ffe000", *LIGHT.series[1:])}, "series 1 #ffe000 is hard to see"),
        ({"more": "#c25a00"}, "more #c25a00 and fewer #c25a00 look alike to everyone"),
    ],
)
def test_a_warning_names_the_colours(changes: dict[str, object], message: str) -> None:
    warnings = check(Style(light=replace(LIGHT, **changes)))  # type: ignore[arg-type]
    assert any(message in sentence for sentence in warnings), warnings
    assert all(sentence.startswith("light: ") for sentence in warnings)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_uses_the_style(view: str, tmp_path: Path) -> None:
    style = load(
        written(tmp_path, 'font = "Fira Sans"\n[light]\npage = "#FFFEF0"\n[dark]\npage="#101010"\n')
    )
    drawing = drawn(view, "world", Chart(style=style))
    assert faults(drawing.svg()) == []
    svg = drawing.svg().decode()
    assert "#fffef0" in svg
    assert "#101010" in svg
    assert "#ffffff" not in svg
    assert 'font-family:"Fira Sans","Noto Sans"' in svg
    ids = [s.split(' id="')[1][:16] for s in (svg, picture(view, "world").svg().decode())]
    assert ids[0] != ids[1]


def test_colours_that_are_not_set_keep_their_defaults(tmp_path: Path) -> None:
    style = load(written(tmp_path, '[dark]\nseries = ["#123456"]\n'))
    assert style.light == LIGHT
    assert style.dark.series == ("#123456", *DARK.series[1:])
    assert style.dark.page == DARK.page


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("font = 3", "font must be the name"),
        ('font = "x;}*{display:none"', "font must be the name"),
        ("[light]\npage = 'red'", "not a colour: 'red'"),
        ("[light]\npage = '#fff'", "not a colour: '#fff'"),
        ("[light]\nink = '#ffffff'", "unknown name 'ink'"),
        ("[night]\n", "unknown name 'night'"),
        ("light = 3", "must be a table"),
        ("[light]\nseries = []", "1 to 6 colours"),
        ("[light]\nheat = ['#ffffff']", "7 colours"),
        ("[light", "not TOML"),
    ],
)
def test_an_invalid_style_is_explained(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        load(written(tmp_path, text))
