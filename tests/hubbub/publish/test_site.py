"""A published site: the same bytes later, no names, true hashes, links that lead somewhere."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import struct
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pyarrow.parquet as pq
import pytest

from hubbub.publish.site import without_addresses
from hubbub.run import runner
from hubbub.store.state.ledger import CoverageSpan
from tests.hubbub.publish.conftest import command
from tests.support.commandline import Run
from tests.support.stores.published_store import HOSTILE, MARK

TEXTS = {".html", ".csv", ".json", ".svg", ".atom"}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_day_later_no_byte_has_changed(
    hubbub: Run, people: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(site, tmp_path / "site")
    before = contents(site)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Later:
            later = datetime.now(tz) + timedelta(days=1, hours=3)
            return cls.fromtimestamp(later.timestamp(), tz)

    monkeypatch.setattr(runner, "datetime", Later)
    again = hubbub(*command(people, tmp_path / "site"))
    assert again.code == 0
    assert contents(tmp_path / "site") == before
    assert ", 0 changed;" in again.out


def test_no_person_is_named(site: Path) -> None:
    seen = ""
    for path, content in contents(site).items():
        if path.endswith(".parquet"):
            rows = pq.read_table(io.BytesIO(content)).to_pylist()
            seen += json.dumps(rows, default=str)
        elif path.endswith(".parquet.js"):
            raw = base64.b64decode(content.split(b'"')[3])
            assert raw == (site / path.removesuffix(".js")).read_bytes()
        elif Path(path).suffix in TEXTS:
            seen += content.decode()
    assert MARK not in seen.lower()
    assert "person 1" in seen
    topics = {row["topic"] for row in pq.read_table(site / "data/topics.parquet").to_pylist()}
    assert "org.example.prod.git.receive" in topics
    assert "org.example.prod.fas.rare.thing" not in topics  # only two people use it
    assert any(
        re.fullmatch(r"org\.example\.prod\.git\.branch\.person \d+\.main", t) for t in topics
    )
    objects = (site / "data" / "users_per_object.csv").read_text()
    assert re.search(r"forks/person \d+/rpms", objects)
    assert "Who works on what: shows what single people do" in (site / "index.html").read_text()
    assert not (site / "views" / "heatmap.svg").exists()


def test_with_names_people_are_named(hubbub: Run, people: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    ran = hubbub("publish", "--store", people, "-o", out, "--names", "--views", "tail,heatmap")
    assert ran.code == 0, ran.err
    assert f"{MARK}00" in (out / "data" / "tail.csv").read_text()
    assert f"{MARK}00" in (out / "data" / "heatmap.csv").read_text()
    card = (out / "cards" / "tail.png").read_bytes()
    assert card.startswith(b"\x89PNG")
    assert struct.unpack(">II", card[16:24]) == (1200, 630)


def test_people_who_are_left_out_are_not_named_as_such(
    hubbub: Run, people: Path, tmp_path: Path
) -> None:
    command = ("publish", "--store", people, "--views", "tail", "--no-cards", "-o", tmp_path / "s")
    ran = hubbub(*command, "--not-user", f"{MARK}00", "--not-user", f"{MARK}01")
    assert ran.code == 0, ran.err
    text = "".join(
        content.decode("utf-8", "ignore") for content in contents(tmp_path / "s").values()
    )
    assert MARK not in text
    assert "not user (2 accounts)" in text
    assert len((tmp_path / "s" / "data" / "tail.csv").read_text().splitlines()) == 1 + 25 - 2
    refused = hubbub(*command, "--user", f"{MARK}00")
    assert refused.code == 2
    assert "would tell who they are" in refused.err


def test_no_address_or_path_of_a_source_is_published() -> None:
    sources = ["zmq:tcp://bus.internal:9940", "zmq:tcp://b:1", "history:http://10.0.0.1/x"]
    proof = "lost tcp://bus.internal:9940 for 3 s; /home/ann/bus/lines, 3 of 4/5 rows"
    spans = [CoverageSpan(source, "", 0, 1, "complete", proof) for source in sources]
    found = without_addresses(spans)
    assert [span.source for span in found] == ["zmq 2", "zmq 1", "history"]
    assert {span.proof for span in found} == {"lost (address) for 3 s; (address), 3 of 4/5 rows"}


def test_few_people_are_not_counted(site: Path) -> None:
    rows = pq.read_table(site / "data" / "people.parquet").to_pylist()
    numbers = [row["people"] for row in rows]
    assert None in numbers
    assert min(n for n in numbers if n is not None) >= 5
    months = [row for row in rows if row["per"] == "month" and row["category"] is None]
    assert [row["start"].isoformat() for row in months] == ["2026-01-01", "2026-02-01"]
    assert months[0]["people"] > 15


def test_the_explorer_counts_every_message(site: Path) -> None:
    rows = pq.read_table(site / "data" / "topics.parquet").to_pylist()
    assert sum(row["messages"] for row in rows) == 600
    assert sum(row["bytes"] for row in rows) == sum(100 + n for n in range(600))
    assert len({row["start"] for row in rows}) == 35


def test_the_package_describes_every_table(site: Path) -> None:
    package = json.loads((site / "datapackage.json").read_bytes())
    assert package["licenses"][0]["name"] == "CC0-1.0"
    assert package["homepage"] == "https://example.org/s/"
    listed = {resource["path"] for resource in package["resources"]}
    there = {f"data/{path.name}" for path in (site / "data").iterdir() if path.suffix != ".js"}
    assert listed == there
    for resource in package["resources"]:
        content = (site / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert resource["coverage"]["state"] == "unproven"
        names = [field["name"] for field in resource["schema"]["fields"]]
        if resource["format"] == "csv":
            rows = list(csv.reader(io.StringIO(content.decode())))
            assert rows[0] == names
        elif resource["format"] == "json":
            records = json.loads(content)
            assert all(list(record) == names for record in records)
        else:
            assert pq.read_table(io.BytesIO(content)).column_names == names
    topics = next(r for r in package["resources"] if r["name"] == "topics-csv")
    facts = {f["name"]: (f["type"], f.get("unit")) for f in topics["schema"]["fields"]}
    assert facts["start"] == ("date", None)
    assert facts["bytes"] == ("integer", "bytes")


class Page(HTMLParser):
    """Tags, attributes and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def test_pages_load_only_their_own_files_and_run_nothing_inline(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) == 6
    for path in pages:
        text, page = path.read_text(), Page()
        page.feed(text)
        assert "default-src 'none'" in text
        assert "unsafe" not in text
        assert not {"style", "b1", "iframe", "object"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
        assert page.tags.count("h1") == 1
        assert re.findall(r"<script(?![^>]* src=)", text) == []
        for name, value in page.attributes:
            if name not in {"href", "src"} or value.startswith(("#", "https://")):
                continue
            target = (path.parent / unquote(urlsplit(value).path)).resolve()
            assert target.is_relative_to(site.resolve())
            assert target.is_file(), f"{path}: {value}"
    index = (site / "index.html").read_text()
    assert "Ours &lt;b&gt;&amp;" in index
    assert "Ours <b>" not in index
    assert HOSTILE not in index
    assert "Web traffic: nothing to draw" in index
    assert 'property="og:url" content="https://example.org/s/"' in index


def test_the_feed_and_the_badges(site: Path) -> None:
    feed = ET.parse(site / "feed.atom").getroot()
    atom = "{http://www.w3.org/2005/Atom}"
    entries = feed.findall(f"{atom}entry")
    assert len(entries) == 4
    assert entries[0].findtext(f"{atom}updated") == "2026-02-02T00:00:00Z"
    link = entries[0].find(f"{atom}link")
    assert link is not None
    assert link.get("href") == (
        "https://example.org/s/explore.html#from=2026-01-26&to=2026-02-01&per=day"
    )
    badge = ET.parse(site / "badges" / "tail.svg").getroot()
    assert badge.findtext("{http://www.w3.org/2000/svg}title", "").startswith("people: 25 (")
    oembed = json.loads((site / "views" / "tail.oembed.json").read_bytes())
    assert oembed["url"] == "https://example.org/s/views/tail.svg"


def test_check_says_who_would_be_visible(hubbub: Run, people: Path) -> None:
    check = ("publish", "--store", people, "--check", "--allow-incomplete", "--no-cards")
    without = hubbub(*check, "--views", "tail,heatmap")
    assert "25 people without names, of each: rank, messages, ideal" in without.out
    assert "not drawn: shows what single people do" in without.out
    assert "No account of the store occurs" in without.out
    found = hubbub(*check, "--views", "tail,heatmap", "--names", "--json").json
    parts = {part["part"]: part for part in found["parts"]}
    assert f"{MARK}29" in parts["tail"]["accounts"]
    assert f"{MARK}00" in parts["heatmap"]["accounts"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "no folder is given"),
        (("--check", "--views", "tial"), "there is no view 'tial'\n  did you mean"),
        (("--check", "--views", "tail,"), "is no list of views"),
        (("--check", "--url", "example.org"), "is no address of a site"),
        (("--check", "--url", "https://a:b@example.org/"), "is no address of a site"),
        (("--check", "--license", "mine all mine"), "is no licence"),
        (("--json", "-o", "x"), "--json is for --check"),
        (("--check", "--data-since", "2030-01-01"), "--data-since: the range would begin"),
    ],
)
def test_mistakes(hubbub: Run, people: Path, options: tuple[str, ...], words: str) -> None:
    ran = hubbub("publish", "--store", people, *options)
    assert ran.code == 2
    assert words in ran.err


def test_an_empty_store_has_nothing_to_publish(hubbub: Run, tmp_path: Path) -> None:
    ran = hubbub("publish", "--store", tmp_path / "none", "-o", tmp_path / "site")
    assert ran.code == 2
    assert "the store is empty" in ran.err
    assert not (tmp_path / "site").exists()


def test_the_title_names_the_project_and_pages_say_how_to_read(
    hubbub: Run, people: Path, tmp_path: Path
) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text('project.name = "Ex"\n')
    made = hubbub(
        *("publish", "--store", people, "-o", tmp_path / "site", "--since", "30d"),
        *("--allow-incomplete", "--no-cards", "--views", "tail", "--config", config),
    )
    assert made.code == 0
    home = (tmp_path / "site" / "index.html").read_text()
    assert "<h1>Who carries the load in Ex</h1>" in home
    page = (tmp_path / "site" / "views" / "tail.html").read_text()
    assert "<h2>How to read it</h2>\n<p>The people stand side by side" in page
    assert "<h2>When not to trust it</h2>" in page
