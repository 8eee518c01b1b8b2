"""Options of `hubbub chart`: sizes, fonts, styles."""

from pathlib import Path

import pytest

from tests.support.commandline import Run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "x.html", "--size", "1200x630"], "--size is for SVG and PNG only"),
        (["-o", "x.html", "--font-dir", "."], "--font-dir is for PNG only"),
        (["-o", "x.png", "--size", "large"], "'large' is not a size"),
        (["-o", "x.png", "--size", "0x100"], "out of range"),
        (["-o", "x.png", "--font-dir", "/no/such/fonts"], "font folder not found"),
    ],
)
def test_invalid_sizes_and_fonts(
    hubbub: Run, made_store: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    pytest.importorskip("resvg_py", reason="the extra png is not installed")
    arguments = [str(tmp_path / o) if o.startswith("x.") else o for o in options]
    result = hubbub("chart", "tail", "--store", made_store, *arguments)
    assert result.code == 2
    assert message in result.err


def test_a_png_has_the_requested_size(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="the extra png is not installed")
    for size, shape in (("120x63", (120, 63)), ("160", (160, 90))):
        file = tmp_path / f"{size}.png"
        result = hubbub("chart", "tail", "-o", file, "--size", size, "--store", made_store)
        assert result.code == 0, result.err
        head = file.read_bytes()[16:24]
        assert (int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")) == shape


def test_a_custom_style(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    style = tmp_path / "style.toml"
    style.write_text('font = "Fira Sans"\n[light]\nseries = ["#00aa55", "#00a958"]\n')
    picture = tmp_path / "x.svg"
    result = hubbub("chart", "tail", "-o", picture, "--style", style, "--store", made_store)
    assert result.code == 0, result.err
    svg = picture.read_text(encoding="utf-8")
    assert "#00aa55" in svg
    assert "'Fira Sans','Noto Sans'" in svg
    assert "light: series 1 #00aa55 and series 2 #00a958 look alike" in result.err
    report = ("report", "-o", tmp_path / "r", "--views", "tail,volume")
    result = hubbub(*report, "--style", style, "--store", made_store)
    assert result.code == 0, result.err
    assert "look alike" in result.err
    assert "#00aa55" in (tmp_path / "r" / "tail.svg").read_text(encoding="utf-8")


def test_a_missing_style(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    result = hubbub("chart", "tail", "-o", "-", "--style", tmp_path / "none", "--store", made_store)
    assert result.code == 2
    assert "cannot read the style" in result.err


def test_the_language(
    hubbub: Run, made_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ("chart", "tail", "--store", made_store)
    english = hubbub(*ask).out
    assert "Messages per person" in english
    german = hubbub(*ask, "--lang", "de").out
    assert "Nachrichten je Person" in german
    config = tmp_path / "hubbub.toml"
    config.write_text('[project]\nlang = "de"\n')
    assert hubbub(*ask, "--config", config).out == german
    assert hubbub(*ask, "--config", config, "--lang", "en").out == english
    monkeypatch.setenv("HUBBUB_PROJECT_LANG", "de")
    assert hubbub(*ask).out == german


def test_an_unknown_language(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    result = hubbub("chart", "tail", "--store", made_store, "--lang", "xx")
    assert (result.code, result.out) == (2, "")
    assert "there is no language 'xx'\n  there are: en, de" in result.err
    config = tmp_path / "hubbub.toml"
    config.write_text('[project]\nlang = "xx"\n')
    result = hubbub("chart", "tail", "--store", made_store, "--config", config)
    assert result.code == 2
    assert "project.lang: there is no language 'xx'" in result.err
