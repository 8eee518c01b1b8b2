"""`hubbub gource` of the past: its captions, and wrong usage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.store import Store
from hubbub.store.state.alerts import NewChange, apply
from tests.support.stores.small_store import START, fill, lines

RULE = '[[alerts]]\nname = "busy"\nmeasure = "messages"\nper = "user"\n'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gource") / "store"
    quiet = lines(60, days=0.1)
    burst = [{**quiet[0], "id": f"burst-{n}", "timestamp": START + 7_000 + n} for n in range(200)]
    fill(folder, [*quiet, *burst])
    with Store.open(folder) as opened:
        change = NewChange(
            rule="busy", subject="ann|\x1b\u202e", state="raised", time=(START + 60) * 1_000_000,
            detected=0, measured=3.0, expected=1.0, measure="messages", per="user",
        )  # fmt: skip
        apply(opened.state, "busy", [(change, ())], {})
    return folder


def film(hubbub: Callable[..., Any], store: Path, tmp_path: Path, *options: str) -> list[str]:
    captions = tmp_path / "captions"
    done = hubbub(
        "gource", "--store", store, "--since", "2026-01-01", "--captions", captions, *options
    )
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 260
    return captions.read_text().splitlines()


def test_captions_are_the_changes_of_the_rules(
    hubbub: Callable[..., Any], store: Path, tmp_path: Path
) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text(RULE)
    (named,) = film(hubbub, store, tmp_path, "--config", str(config))
    assert named == f"{START + 60}|▲ busy: ann : 3 messages/s, 3 times the 1 before"
    (numbered,) = film(hubbub, store, tmp_path, "--config", str(config), "--no-names")
    assert "▲ busy: a person: 3 messages/s" in numbered


def test_without_rules_captions_are_those_of_the_query(
    hubbub: Callable[..., Any], store: Path, tmp_path: Path
) -> None:
    captions = film(hubbub, store, tmp_path)
    assert captions[0].endswith("|▲ more messages than usual")
    assert START + 7_000 <= int(captions[0].split("|")[0]) <= START + 7_300


def test_releases_are_in_order_with_them(
    hubbub: Callable[..., Any], store: Path, tmp_path: Path
) -> None:
    captions = film(hubbub, store, tmp_path, "--releases", "*.edit", "--no-names")
    times = [int(line.split("|")[0]) for line in captions]
    assert times == sorted(times)
    assert any(line.split("|")[1].startswith("edit rpms/p") for line in captions)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--releases", "*.x"], "--releases needs --captions"),
        (["--follow"], "--follow continues after the past"),
        (["--follow", "--since", "1h", "--until", "now"], "--follow continues after the past"),
        (["--since", "1h", "--captions", "/nowhere/captions"], "cannot write"),
    ],
)
def test_wrong_usage(
    hubbub: Callable[..., Any], store: Path, options: list[str], message: str
) -> None:
    done = hubbub("gource", "--store", store, *options)
    assert done.code == 2
    assert message in done.err
