"""A published site, made once for all tests of this folder that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.cli.root import execute
from tests.support.stores.published_store import people_store

#: A few views: each costs a part of a second.
VIEWS = "tail,volume,users_per_object,traffic,heatmap"
COMMON = ("--allow-incomplete", "--no-cards", "--views", VIEWS)


def command(store: Path, out: Path) -> list[str]:
    """Return the command line that publishes the site of the tests."""
    about = ("--title", "Ours <b>&", "--url", "https://example.org/s", "--license", "cc0-1.0")
    return ["publish", "--store", str(store), "-o", str(out), "--since", "30d", *about, *COMMON]


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of `people_store`."""
    folder = tmp_path_factory.mktemp("publish") / "store"
    people_store(folder)
    return folder


@pytest.fixture(scope="session")
def site(people: Path) -> Path:
    """A site without names."""
    out = people.parent / "site"
    assert execute(command(people, out)) == 0
    return out
