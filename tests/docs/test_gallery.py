"""The gallery is complete and publishable; the examples for publishing are valid."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hubbub.charts.picture.style import check, load
from tests.support import paths
from tests.support.charts.svg_faults import faults

DOCS = paths.ROOT / "docs"
PICTURES = sorted((DOCS / "gallery").glob("*.svg"))


def test_every_view_is_in_the_gallery() -> None:
    ran = subprocess.run(
        [sys.executable, str(DOCS / "make_gallery.py"), "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda p: p.stem)
def test_pictures_of_the_gallery_may_be_published(picture: Path) -> None:
    svg = picture.read_bytes()
    assert faults(svg) == []
    assert len(svg) <= 40_000
    assert str(DOCS.parent).encode() not in svg
    assert b"Incomplete" not in svg


def test_the_style_in_the_documentation_is_valid_and_legible(tmp_path: Path) -> None:
    text = (DOCS / "publish.md").read_text(encoding="utf-8")
    style = text.partition("```toml\n")[2].partition("```")[0]
    assert {"page", "text", "series", "heat"} <= set(tomllib.loads(style)["light"])
    file = tmp_path / "community.toml"
    file.write_text(style, encoding="utf-8")
    assert check(load(file)) == []


def test_the_oembed_document_is_a_complete_photo() -> None:
    document = json.loads((DOCS / "shortcodes" / "oembed.json").read_text())
    assert document["version"] == "1.0"
    assert document["type"] == "photo"
    assert {"url", "width", "height"} <= set(document)  # oembed.com, 2.3.4.1
    assert document["title"] in (DOCS / "gallery" / "tail.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["hugo", "jekyll"])
def test_shortcodes_have_an_alternative_text(name: str) -> None:
    text = (DOCS / "shortcodes" / f"hubbub.{name}.html").read_text(encoding="utf-8")
    assert 'alt="{{' in text
    assert text.count("{{") == text.count("}}")
    assert text.count("{%") == text.count("%}")
    assert text.count("<figure") == text.count("</figure>") == 1
    assert f"hubbub.{name}.html" in (DOCS / "publish.md").read_text(encoding="utf-8")
