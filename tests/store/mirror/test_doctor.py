"""What `hubbub doctor` says of a mirror: on an object store, and on a mount."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubbub.store.mirror import documents
from hubbub.store.mirror.documents import Documents, Upkeep
from hubbub.store.mirror.place import Place
from hubbub.store.stream import outgoing
from tests.support.commandline import Run
from tests.support.object_store import SECRET
from tests.support.stores.mirrored import Pair

LAG = "copying to the mirror"


def checks(run: Run, pair: Pair, *options: object, code: int = 0) -> dict[str, dict[str, Any]]:
    """Run the checks with the mirror of the first store; return those of the mirror, by name."""
    config = pair.reader.with_name("hubbub.toml")
    config.write_text(f'[mirror]\nurl = "{pair.url}"\n')
    chosen = options or ("--store", pair.one.path)
    done = run("doctor", "--json", "--config", config, *chosen)
    assert done.code == code, done.out
    assert SECRET not in done.out
    found = {check["name"]: check for check in json.loads(done.out)}
    return {name: check for name, check in found.items() if "mirror" in name}


def objects(pair: Pair) -> list[str]:
    return [found.path for found in Place(pair.url).list("", recursive=True)]


def test_an_object_store(s3: Pair, event, hubbub: Run) -> None:
    name = f"mirror {s3.url}"
    found = checks(hubbub, s3)
    assert (found[name]["level"], found[name]["what"]) == ("ok", "empty; can be written")
    assert (found[LAG]["level"], found[LAG]["what"]) == ("warning", "not begun")
    assert "hubbub mirror --once" in found[LAG]["hint"]
    assert objects(s3) == []
    s3.copy(s3.one)
    s3.add(s3.one, [event(n) for n in range(3)])
    found = checks(hubbub, s3)
    assert "1 file waits, the oldest for 0 s" in found[LAG]["what"].replace("for 1 s", "for 0 s")
    s3.copy(s3.one)
    before = objects(s3)
    found = checks(hubbub, s3)
    assert found[name]["what"] == "3 events of 1 collector; can be written"
    assert found[LAG]["what"] == "nothing waits; 3 events were copied"
    assert objects(s3) == before
    read = checks(hubbub, s3, "--store", s3.url)
    assert {check["what"] for check in read.values()} == {"3 events of 1 collector; can be read"}


@pytest.mark.parametrize(
    ("url", "key", "why"),
    [
        ("s3://nobody/x", None, "there is no bucket 'nobody'"),
        ("s3://user:word@b/x", None, "must not hold credentials"),
        (None, "http://127.0.0.1:9", "the mirror cannot be reached"),
    ],
)
def test_one_that_cannot_be_used(
    s3: Pair, hubbub: Run, monkeypatch: pytest.MonkeyPatch, url: str, key: str, why: str
) -> None:
    s3.url = url or s3.url
    if key:
        monkeypatch.setenv("AWS_ENDPOINT_URL", key)
    (check,) = checks(hubbub, s3, code=4).values()
    assert check["level"] == "failed"
    assert why in check["what"]
    assert check["hint"]
    assert "word" not in json.dumps(check)


def test_the_store_is_in_a_folder_of_another_account(
    pair: Pair, hubbub: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = Path.exists

    def refused(path: Path, **options: Any) -> bool:
        if path == pair.one.path:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path, **options)

    monkeypatch.setattr(Path, "exists", refused)
    config = pair.reader.with_name("hubbub.toml")
    config.write_text(f'[mirror]\nurl = "{pair.url}"\n')
    done = hubbub("doctor", "--json", "--config", config, "--store", pair.one.path)
    (lag,) = (check for check in json.loads(done.out) if check["name"] == LAG)
    assert (lag["level"], lag["what"]) == ("unknown", f"{pair.one.path}: Permission denied")


def test_one_of_a_newer_hubbub(pair: Pair, event, hubbub: Run) -> None:
    pair.add(pair.one, [event(0)])
    pair.copy(pair.one)
    Documents(Place(pair.url)).write(Upkeep(form=documents.FORM + 1))
    (check,) = checks(hubbub, pair, code=4).values()
    assert "a newer hubbub wrote this mirror" in check["what"]
    assert check["hint"] == "install the newer hubbub"


def test_a_mount_that_is_missing(pair: Pair, hubbub: Run, tmp_path: Path) -> None:
    assert "empty" in checks(hubbub, pair)[f"mirror {pair.url}"]["what"]
    assert not (tmp_path / "shared/mirror").exists()
    (tmp_path / "shared").rmdir()
    (check,) = checks(hubbub, pair, code=4).values()
    assert "not mounted" in check["what"]


@pytest.mark.parametrize(
    ("idle", "waited", "error", "level", "said"),
    [
        (60, 60, "", "ok", "1 file waits, the oldest for 60 s"),
        (700, 700, "", "warning", "last tried 700 s ago"),
        (60, 4_000, "", "warning", "the oldest for 4,000 s"),
        (60, 60, "refused", "failed", "the last pass failed: refused"),
    ],
)
def test_how_far_it_is_behind(
    pair: Pair, event, hubbub: Run, monkeypatch, idle, waited, error, level, said
) -> None:
    lag = outgoing.Lag(pair.url, 1, float(waited), float(idle), 0, 0, error)
    monkeypatch.setattr(outgoing, "lags", lambda *_: [lag])
    found = checks(hubbub, pair, code=4 if level == "failed" else 0)[LAG]
    assert (found["level"], said in found["what"]) == (level, True), found
    assert bool(found["hint"]) == (level != "ok")
