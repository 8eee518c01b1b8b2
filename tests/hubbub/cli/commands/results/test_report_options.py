"""The project on pictures and pages, and a chart's own title, subtitle and size."""

import re
from pathlib import Path

from tests.support.charts.svg_faults import faults
from tests.support.commandline import SINCE, UNTIL, Run


def test_the_project_is_named(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text('[project]\nname = "Ex <b>"\nurl = "https://example.org"\n')
    common = ("--store", made_store, "--config", config, "--since", SINCE, "--until", UNTIL)
    assert hubbub("report", "-o", tmp_path / "r", "--views", "tail", *common).code == 0
    data = (tmp_path / "r" / "tail.svg").read_bytes()
    assert faults(data) == []
    svg = data.decode()
    assert ">Ex &lt;b&gt;: " in svg
    source = re.search(r"Source: ([^<]*)", svg)
    assert source is not None
    assert source[1].startswith("Ex &lt;b&gt;, https://example.org, ")
    assert "of 5 messages name a person" in source[1]
    assert "it would be: Ex" not in svg
    page = (tmp_path / "r" / "index.html").read_text()
    assert "<h1>Who carries the load in Ex &lt;b&gt;, " in page


def test_own_title_subtitle_and_size(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    outcome = hubbub(
        *("chart", "tail", "--store", made_store, "--since", SINCE, "--until", UNTIL),
        *("-o", file, "--title", "Mine", "--subtitle", "Below", "--size", "1200x630"),
    )
    assert outcome.code == 0
    data = file.read_bytes()
    assert faults(data) == []
    svg = data.decode()
    assert ">Mine</title>" in svg
    assert ">Below<" in svg
    assert 'width="1200" height="630"' in svg
    assert "the finding would be the same" not in svg
    refused = hubbub(
        "chart", "tail", "--store", made_store, "-o", tmp_path / "a.html", "--size", "5"
    )
    assert "--size is for SVG and PNG only" in refused.err
