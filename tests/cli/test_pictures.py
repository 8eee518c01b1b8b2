"""What the command line says about pictures: sizes, fonts, styles."""

from pathlib import Path

import pytest
from commandline import Run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "x.svg", "--size", "1200x630"], "--size is for PNG"),
        (["-o", "x.html", "--font-dir", "."], "--font-dir is for PNG"),
        (["-o", "x.png", "--size", "large"], "'large' is no size"),
        (["-o", "x.png", "--size", "0x100"], "out of range"),
        (["-o", "x.png", "--font-dir", "/no/such/fonts"], "no such folder of fonts"),
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
