"""A GitHub that keeps deliveries, and a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.collector.hooks.settings import GitHubHook
from hubbub.store.state.database import State
from tests.support.forges.fake_github import TOKEN, FakeGitHub, fake_github


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with fake_github() as github:
        yield github


@pytest.fixture
def where(github: FakeGitHub, tmp_path: Path) -> GitHubHook:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    return GitHubHook("repos/o/n", 7, token, github.url)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.sqlite") as state:
        yield state
