"""What the command line says about pictures: sizes, fonts, styles."""

from pathlib import Path

import pytest

from tests.support.commandline import Run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "x.svg", "--size", "1200x630"], "--size is for PNG"),
        (["-o", "x.html", "--font-dir", "."], "--font-dir is for PNG"),
        (["-o", "x.png", "--size", "large"], "'large' is no size"),
        (["-o", "x.png", "--size", "0x100"], "out of range"),
        (["-o", "x.png", "--font-dir", "/no/such/fonts"], "font folder not found"),
    ],
)
def test_sizes_that_are_none(
    hubbub: Run, made_store: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    pytest.importorskip("resvg_py", reason="the extra png is not installed")
    given = [str(tmp_path / o) if o.startswith("x.") else o for o in options]
    ran = hubbub("chart", "tail", "--store", made_store, *given)
    assert ran.code == 2
    assert said in ran.err


def test_a_png_of_the_size_that_was_asked_for(
    hubbub: Run, made_store: Path, tmp_path: Path
) -> None:
    pytest.importorskip("resvg_py", reason="the extra png is not installed")
    for size, shape in (("120x63", (120, 63)), ("160", (160, 90))):
        file = tmp_path / f"{size}.png"
        ran = hubbub("chart", "tail", "-o", file, "--size", size, "--store", made_store)
        assert ran.code == 0, ran.err
        head = file.read_bytes()[16:24]
        assert (int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")) == shape


def test_a_style_of_ones_own(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    style = tmp_path / "style.toml"
    style.write_text('font = "Fira Sans"\n[light]\nseries = ["#00aa55", "#00a958"]\n')
    picture = tmp_path / "x.svg"
    ran = hubbub("chart", "tail", "-o", picture, "--style", style, "--store", made_store)
    assert ran.code == 0, ran.err
    svg = picture.read_text(encoding="utf-8")
    assert "#00aa55" in svg
    assert "'Fira Sans','Noto Sans'" in svg
    assert "light: series 1 #00aa55 and series 2 #00a958 look alike" in ran.err
    ran = hubbub("report", "-o", tmp_path / "r", "--style", style, "--store", made_store)
    assert ran.code == 0, ran.err
    assert "look alike" in ran.err
    assert "#00aa55" in (tmp_path / "r" / "tail.svg").read_text(encoding="utf-8")


def test_a_style_that_is_none(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    ran = hubbub("chart", "tail", "-o", "-", "--style", tmp_path / "none", "--store", made_store)
    assert ran.code == 2
    assert "cannot read the style" in ran.err
