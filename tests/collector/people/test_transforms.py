"""Transforms for the items of forges: persons, addresses of repositories."""

from __future__ import annotations

import pytest

from hubbub.collector.people.transforms import find_transform

DIRECTORY = {"jane@example.org": "jdoe"}


def one(name: str, value: object) -> object:
    transform = find_transform(name)
    assert transform is not None
    return [*transform([value], DIRECTORY), None][0]


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Jane Doe <jane@example.org>", "jdoe"),
        ("Jane Doe <JANE@example.org>", "jdoe"),
        ("jane at example.org (Jane Doe)", "jdoe"),
        ("Max Muster <max@example.org>", "Max Muster"),
        ("Muster, Max <max@example.org>", "Muster, Max"),
        ('"Muster, Max" <max@example.org>', "Muster, Max"),
        ("max at example.org (Max Muster)", "Max Muster"),
        ("max@example.org (Max Muster)", "Max Muster"),
        ("'Max Muster' via lamps <lamps@lists.example.org>", "Max Muster"),
        ("max@example.org", "max"),
        ("<max@example.org>", "max"),
        ('"max@example.org" <max@example.org>', "max"),
        ("Max Muster", "Max Muster"),
        ("max", "max"),
        ("", ""),
        ("x" * 2_000, ""),
    ],
)
def test_person(text: str, person: str) -> None:
    assert one("person", text) == person


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("https://github.com/owner/name", "github.com", "owner/name"),
        ("https://github.com/owner/name.git/", "github.com", "owner/name"),
        ("https://github.com/owner/name.git", "github.com", "owner/name"),
        ("https://user:secret@GitHub.com:443/owner/name?x=1", "github.com", "owner/name"),
        ("git@github.com:owner/name.git", "github.com", "owner/name"),
        ("ssh://git@example.org:22/a/b/c.git", "example.org", "a/b/c"),
        ("/home/jane/work/name.git", "", "name"),
        ("review.example.org", "review.example.org", ""),
        ("http://[broken", "", ""),
    ],
)
def test_addresses_of_repositories(text: str, host: str, path: str) -> None:
    assert (one("host", text), one("path", text)) == (host, path)
    assert one("site", text) == f"{host}/{path}".strip("/")


def test_values_that_are_no_texts() -> None:
    assert one("slug", {"owner": "lantern", "name": "beacon"}) == "lantern/beacon"
    assert one("slug", {"owner": {}, "name": "beacon"}) is None
    assert one("seconds", "2026-01-02T10:00:00.9Z") == "1767348000"
    assert one("seconds", "soon") is None
    assert one("below:github.com", "a/b") == "github.com/a/b"
