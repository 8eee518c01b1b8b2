"""Sites in another language: nothing escapes the catalogue, and what is said is true."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hubbub.charts.report.selection import builtin, readings
from hubbub.cli.root import execute
from hubbub.docstrings import split_docstring
from hubbub.language import catalogue as languages
from hubbub.language import use_language
from hubbub.plugins import load_builtins
from hubbub.publish import catalogue, explore_texts
from hubbub.publish.explore_texts import texts
from hubbub.registry import REGISTRY
from tests.hubbub.publish.conftest import command
from tests.support.charts import pseudo
from tests.support.commandline import Run
from tests.support.paths import ROOT
from tests.support.visible import visible

ATOM = "{http://www.w3.org/2005/Atom}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
#: What is the same in every language: names of formats, and what the site of the tests is called.
SAME = ("CSV", "JSON", "Parquet", "SVG", "HTML", "Markdown", "datapackage.json", "Ours <b>&",
        "Creative Commons Zero 1.0")  # fmt: skip


@pytest.fixture
def wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A language in which each message is in brackets."""
    pseudo.write(tmp_path)
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    with use_language(pseudo.NAME):
        yield


@pytest.fixture(scope="session")
def german(people: Path) -> Path:
    """A German site."""
    out = people.parent / "german"
    assert execute([*command(people, out), "--lang", "de"]) == 0
    return out


def records(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return [*csv.DictReader(path.read_text().splitlines())]


@pytest.mark.usefixtures("wrapped")
def test_a_site_says_nothing_outside_of_the_catalogue(people: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    assert execute([*command(people, out), "--lang", pseudo.NAME]) == 0
    topics = {row["topic"] for row in records(out / "data/topics.csv")}
    short = [name for name in records(out / "data/volume.csv")[0] if "." in name]
    data = [*SAME, *topics, *(part for name in short for part in re.split("⟦.*?⟧", name))]
    pages = sorted(out.rglob("*.html"))
    assert len(pages) == 6
    for page in pages:
        text = page.read_text()
        assert f'<html lang="{pseudo.NAME}">' in text
        assert not {left for line in visible(text) if (left := pseudo.unwrapped(line, data))}, page
    feed = ET.parse(out / "feed.atom").getroot()
    assert feed.get(LANG) == pseudo.NAME
    for entry in feed.findall(f"{ATOM}entry"):
        title, content = (entry.findtext(f"{ATOM}{part}", "") for part in ("title", "content"))
        sentences = re.findall("<p>(.*?)</p>", content)
        assert len(sentences) > 1
        for sentence in (title, *map(html.unescape, sentences[:2])):
            assert not pseudo.unwrapped(sentence)
    badge = ET.parse(out / "badges" / "tail.svg").getroot()
    for node in badge.iter():
        if node.tag.endswith(("title", "text")):
            assert not pseudo.unwrapped(node.text or "")
    package = json.loads((out / "datapackage.json").read_text())
    described = [package["description"]]
    for resource in package["resources"]:
        described += [resource["title"], resource["description"]]
        described += [f["description"] for f in resource["schema"]["fields"] if "description" in f]
    assert not {left for text in described if (left := pseudo.unwrapped(text, data))}


@pytest.mark.usefixtures("wrapped")
def test_what_a_script_says_and_what_a_page_says_of_a_view_is_in_the_catalogue() -> None:
    signs = {"decimal", "least", "thousands"}
    assert not {k for k, v in json.loads(texts(5)).items() if k not in signs and "⟦" not in v}
    for per in ("day", "week"):
        others = {"day", "week", "month"} - {per}
        notes = explore_texts.notes(per, others, beyond=2, rare=1, least=5)
        said = [explore_texts.topics(per), explore_texts.categories(per), *notes]
        assert not [text for text in said if pseudo.unwrapped(text)]
    load_builtins()
    views = builtin(REGISTRY)
    assert {*views} == {*readings()}
    for name in views:
        function = REGISTRY.views[name]
        about = split_docstring(function.doc)[0].partition("\n\n")[0]
        known = [" ".join(about.split()), readings()[name].how, readings()[name].when]
        assert not pseudo.unwrapped(catalogue.label(function))
        assert not [text for text in known if pseudo.unwrapped(languages._(text))]


def test_the_script_and_the_texts_have_the_same_keys() -> None:
    script = (ROOT / "src/hubbub/publish/static/explore.js").read_text()
    used = set(re.findall(r'say\("(\w+)"|texts\.(\w+)', script))
    named = {one or other for one, other in used}
    families = re.findall(r"(?:say\(|texts\[)`(\w*)\$\{", script)
    assert sorted({*families}) == [
        "",
        "by_",
        "each_",
        "few_people",
        "most_",
        "nothing",
        "peak_",
        "people_",
        "unit_",
    ]
    given = set(json.loads(texts(5)))
    assert named - given == set()
    assert {"category", "topic", "share", "start"} <= given
    measured = {"messages", "bytes", "category", "topic"}  # `${measure}…`, texts[of]
    for key in given - named:
        assert key.startswith((*filter(None, families), *measured)), key


def test_a_german_site_is_german_and_a_day_later_the_same(
    hubbub: Run, people: Path, german: Path, site: Path
) -> None:
    before = {path: path.read_bytes() for path in german.rglob("*") if path.is_file()}
    again = hubbub(*command(people, german), "--lang", "de")
    assert ", 0 changed;" in again.out
    assert {path: path.read_bytes() for path in before} == before
    page = (german / "index.html").read_text()
    assert '<html lang="de">' in page
    assert "Wie die Arbeit verteilt ist" in page
    assert "Wer woran arbeitet: zeigt, was einzelne Personen tun" in page
    # programs find the same names of columns, and the same numbers
    for name in ("tail.csv", "volume.csv", "topics.csv", "people.csv", "categories.csv"):
        english, translated = (
            [*csv.reader((folder / "data" / name).read_text().splitlines())]
            for folder in (site, german)
        )
        assert [name.replace("Person ", "person ") for name in translated[0]] == english[0]
        numbers = [[cell for cell in row if re.fullmatch(r"[\d.-]+", cell)] for row in english]
        assert numbers == [[c for c in row if re.fullmatch(r"[\d.-]+", c)] for row in translated]
    tail = (german / "data" / "tail.csv").read_text()
    assert "Person 1," in tail
    assert '<th scope="col">Rang</th>' in (german / "views" / "tail.html").read_text()


def test_sentences_of_the_german_feed_are_true(german: Path) -> None:
    feed = ET.parse(german / "feed.atom").getroot()
    titles = [entry.findtext(f"{ATOM}title", "") for entry in feed.findall(f"{ATOM}entry")]
    weeks = [title.replace("\u00a0", " ") for title in titles]
    counted: dict[str, int] = {}
    for row in records(german / "data" / "topics.csv"):
        counted[row["start"]] = counted.get(row["start"], 0) + int(row["messages"])
    people = {
        row["start"]: int(row["people"])
        for row in records(german / "data" / "people.csv")
        if row["per"] == "week" and not row["category"]
    }
    mondays = ["2026-01-26", "2026-01-19", "2026-01-12", "2026-01-05"]
    assert len(weeks) == len(mondays)
    for title, monday in zip(weeks, mondays, strict=True):
        days = sorted(counted)[sorted(counted).index(monday) :][:7]
        found = re.fullmatch(r".+ 2026: ([\d.]+) Nachrichten, ([\d.]+) Personen", title)
        assert found
        assert int(found[1].replace(".", "")) == sum(counted[day] for day in days)
        assert int(found[2]) == people[monday]
    assert weeks[0].startswith("26. Jan. \u2013 1. Feb. 2026: ")


def test_the_configured_language_and_a_wrong_one(hubbub: Run, people: Path, tmp_path: Path) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text('project.name = "Ex"\nproject.lang = "de"\n')
    options = ("publish", "--store", people, "--config", config, "--views", "tail", "--no-cards",
               "--allow-incomplete", "-o")  # fmt: skip
    assert hubbub(*options, tmp_path / "site").code == 0
    assert "<h1>Wer trägt die Last in Ex</h1>" in (tmp_path / "site" / "index.html").read_text()
    assert hubbub(*options, tmp_path / "english", "--lang", "en").code == 0
    assert '<html lang="en">' in (tmp_path / "english" / "index.html").read_text()
    wrong = hubbub(*options, tmp_path / "none", "--lang", "tlh")
    assert wrong.code == 2
    assert "there is no language 'tlh'" in wrong.err
    assert not (tmp_path / "none").exists()


def test_what_is_said_of_a_german_site_is_english(hubbub: Run, people: Path) -> None:
    check = hubbub("publish", "--store", people, "--check", "--allow-incomplete", "--no-cards",
                   "--views", "tail,heatmap", "--lang", "de")  # fmt: skip
    assert "25 people without names, of each: rank, messages, ideal" in check.out
    assert "not drawn: shows what single people do" in check.out
