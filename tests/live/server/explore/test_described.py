"""Parameters of forms: described by the schema, read back as an address, written as a command."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Any, Literal

import pytest

from hubbub.live.server.explore.command import command
from hubbub.live.server.explore.described import Asked, Described, canonical, describe
from hubbub.live.server.explore.form import plain_words, prose
from hubbub.live.server.schema import entry
from hubbub.registry import Function, Names


def sample(
    need: int,
    flag: bool = False,
    length: timedelta = timedelta(days=7),
    per: Literal["d", "day"] = "d",
    windows: list[timedelta] | None = None,
    staff: Names = Names(),  # noqa: B008 - immutable
    user: str | None = None,
) -> None:
    """First line.

    Second paragraph with `code` and --not-user.

    Args:
        need: What is needed.
        windows: Several.
    """


@pytest.fixture
def described() -> Described:
    return describe(entry(Function(kind="query", name="sample", call=sample, module="m")))


def test_a_signature_is_described(described: Described) -> None:
    own = {asked.name: asked for asked in described.own}
    assert own["need"] == Asked("need", "integer", required=True, about="What is needed.")
    assert own["flag"] == Asked("flag", "yes or no", choices=("yes", "no"), default="no")
    assert own["length"] == Asked("length", "duration", default="7d")
    assert own["per"].choices == ("d", "day")
    assert own["windows"] == Asked("windows", "duration", many=True, about="Several.")
    assert "staff" not in own  # a file of the server
    assert described.summary == "First line."
    common = [asked.name for asked in described.common]
    assert "user" not in common  # its own hides it
    assert {"since", "until", "topic", "not_user", "by", "bots", "tz"} <= set(common)


def test_a_form_becomes_the_shortest_address(described: Described) -> None:
    submitted = {
        "tz": [""],
        "since": [" 7d "],
        "need": ["1", "5"],
        "flag": ["no"],
        "length": ["7d"],
        "windows": ["24h\r\n\r\n 7d"],
        "topic": ["a", "b"],
        "colour": ["red"],
    }
    assert canonical(described, submitted) == {
        "need": ["5"],
        "windows": ["24h", "7d"],
        "since": ["7d"],
        "topic": ["a", "b"],
        "colour": ["red"],  # unknown: the runner refuses it
    }
    assert list(canonical(described, submitted)) == ["need", "windows", "since", "topic", "colour"]


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("query", {}, ["hubbub", "query", "sample"]),
        ("view", {}, ["hubbub", "chart", "sample", "-o", "sample.svg"]),
        ("query", {"flag": ["yes"]}, ["hubbub", "query", "sample", "--flag"]),
        ("query", {"bots": ["Off"]}, ["hubbub", "query", "sample", "--no-bots"]),
        (
            "query",
            {"not_user": ["a b", "-x; rm *"]},
            ["hubbub", "query", "sample", "--not-user", "a b", "--not-user=-x; rm *"],
        ),
    ],
)
def test_the_command_is_safe_to_paste(
    kind: Any, values: dict[str, list[str]], words: list[str], described: Described
) -> None:
    same = Described(kind, described.name, "", described.own)
    assert shlex.split(command(same, values)) == words


def test_prose_names_parameters_as_an_address_does_and_escapes() -> None:
    assert plain_words("use --not-user or --[no-]bots, not a--b") == (
        "use not_user or bots, not a--b"
    )
    assert prose("One\nline.\n\n`a<b` & --top N") == (
        "<p>One line.</p>\n<p><code>a&lt;b</code> &amp; top N</p>"
    )
