"""PNG: independent of system fonts, any size, nothing cropped."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from hubbub.charts.picture import png, size
from hubbub.errors import UsageError
from tests.support.charts.chart_samples import picture

pytest.importorskip("resvg_py", reason="the extra png is not installed")


def pixels(data: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height, and the rows as RGBA."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    wide, high, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind) == (8, 6)
    body, at = b"", 8
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        body += data[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    raw, rows, before = zlib.decompress(body), [], bytes(wide * 4)
    for i in range(high):
        line = raw[i * (wide * 4 + 1) : (i + 1) * (wide * 4 + 1)]
        before = unfiltered(line[0], line[1:], before)
        rows.append(before)
    return wide, high, rows


def unfiltered(kind: int, line: bytes, above: bytes) -> bytes:
    out = bytearray(line)
    for i in range(len(out)):
        left, up = out[i - 4] if i > 3 else 0, above[i]
        corner = above[i - 4] if i > 3 else 0
        guess = left + up - corner
        nearest = min((left, up, corner), key=lambda v: abs(guess - v))
        out[i] = (out[i] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
    return bytes(out)


def test_a_social_card_is_whole_and_has_the_background_of_the_picture() -> None:
    wide, high, rows = pixels(picture("weekly_diff", "simulated", "dark").png(600, height=315))
    assert (wide, high) == (600, 315)
    ground = bytes((13, 17, 23, 255))
    for row in (rows[0], rows[-1]):
        assert row == ground * wide
    assert all(row[:4] == row[-4:] == ground for row in rows)
    assert sum(len(set(row[i : i + 4] for i in range(0, len(row), 4))) > 4 for row in rows) > 100  # noqa: C401 (clearer so)


@pytest.mark.parametrize(("width", "height"), [(1200, 630), (300, 900), (800, 450)])
def test_nothing_is_stretched(width: int, height: int) -> None:
    boxed = size.boxed('<svg viewBox="0 0 800 640" width="800" height="640">', width, height)
    x, y, wide, high = map(float, boxed.split('"')[1].split())
    assert wide / high == pytest.approx(width / height, rel=0.01)
    assert x <= 0
    assert y <= 0
    assert x + wide >= 800
    assert y + high >= 640
    assert min(x, y, key=abs) == 0  # as large as it fits
    assert f'width="{width}" height="{height}"' in boxed


def test_the_fonts_of_the_system_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    first = picture("tail", "simulated").png(500)
    monkeypatch.setattr(png, "_FONTS", Path("/nonexistent"))
    without = picture("tail", "simulated").png(500)
    assert len(without) < len(first) / 1.5  # no letters at all: none came from the system


def test_the_end_of_an_animation_is_drawn() -> None:
    _, _, rows = pixels(picture("users_per_object", "simulated").png(400))
    blue = bytes((26, 47, 192, 255))
    assert max(row.count(blue) for row in rows) > 250  # the longest bar, at its full length


def test_scripts_that_the_fonts_lack_are_named(tmp_path: Path) -> None:
    drawing = picture("tail", "world")
    scripts = ["Arabic", "Chinese and Japanese", "Devanagari", "emoji", "Korean"]
    assert set(png.unsupported_scripts(drawing.svg())) <= set(scripts)
    assert {"Arabic", "emoji"} <= set(png.unsupported_scripts(drawing.svg()))
    with pytest.warns(png.FontWarning, match=r"Arabic.*--font-dir"):
        drawing.png(300)
    assert drawing.png(300, font_dirs=[tmp_path])  # fonts were given: no warning
    with pytest.raises(UsageError, match="font folder not found"):
        drawing.png(300, font_dirs=[tmp_path / "none"])


@pytest.mark.parametrize("case", ["simulated", "empty", "crowd", "decade"])
def test_the_fonts_hold_all_characters_of_the_views(case: str) -> None:
    from tests.support.charts.chart_samples import VIEWS

    for view in VIEWS:
        assert png.unsupported_scripts(picture(view, case, gaps=True).svg()) == [], view


def test_the_licence_is_next_to_the_fonts() -> None:
    folder = Path(png.__file__).parent / "fonts"
    assert sorted(f.name for f in folder.iterdir()) == [
        "NotoSans-Bold.ttf", "NotoSans-Regular.ttf", "NotoSansMath-Regular.ttf", "OFL.txt",
    ]  # fmt: skip
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text()
