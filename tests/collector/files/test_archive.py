"""GH Archive's files: only lines of wanted repositories become frames."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from hubbub.collector.files.archive import Repositories
from hubbub.collector.files.reader import read
from hubbub.errors import UsageError
from tests.support.forges.archive_events import ARCHIVE, archived
from tests.support.forges.forge_items import line


@pytest.mark.parametrize(
    ("globs", "wanted"),
    [
        (["lantern/beacon"], {"lantern/beacon", "Lantern/Beacon"}),
        (["LANTERN/*"], {"lantern/beacon", "Lantern/Beacon", "lantern/beacon2"}),
        (["*/beacon"], {"lantern/beacon", "Lantern/Beacon", "other/beacon"}),
        (["other/beacon", "lantern/beacon2"], {"other/beacon", "lantern/beacon2"}),
        (["lantern/[!b]*"], set()),
    ],
)
def test_globs(globs: list[str], wanted: set[str]) -> None:
    names = ["lantern/beacon", "Lantern/Beacon", "lantern/beacon2", "other/beacon", "xlantern/b"]
    keep = Repositories(globs)
    for _ in range(2):  # the second time from the cache
        assert {name for name in names if keep(line(archived("PushEvent", repo=name)))} == wanted
    assert keep.dropped == 2 * (len(names) - len(wanted))


def test_the_parsed_name_decides_not_the_text_of_the_line() -> None:
    keep = Repositories(["lantern/beacon"])
    escaped = line(archived("PushEvent")).replace(b"lantern/beacon", rb"l\u0061ntern\/beacon", 1)
    assert keep(escaped)
    mentions = archived("PushEvent", repo="other/x", commits=[{"message": "lantern/beacon"}],
                        repository={"name": "lantern/beacon"})  # fmt: skip
    assert not keep(line(mentions))
    assert keep(line(ARCHIVE["of 2012"])), "owner and name were keys of their own"
    assert not keep(line({**ARCHIVE["of 2012"], "repository": {"name": "beacon", "owner": "x"}}))


def test_what_cannot_be_read_is_kept_for_the_decoder() -> None:
    keep = Repositories(["lantern/beacon"])
    for text in (b"{", b"[]", b"\xff", b'{"repo": 5}', b'{"repo": {"name": 5}}', b"[" * 10_000):
        assert keep(text)
    assert not keep(b'{"type": "GistEvent"}'), "it names no repository"


def test_a_glob_needs_an_owner() -> None:
    with pytest.raises(UsageError, match="not the name of a repository"):
        Repositories(["beacon"])


def test_reading_a_file(tmp_path: Path) -> None:
    names = ["a/b", "lantern/beacon"] * 50
    path = tmp_path / "2026-01-02-10.json.gz"
    lines = [line(archived("PushEvent", n, repo=name)) for n, name in enumerate(names)]
    path.write_bytes(gzip.compress(b"\n".join([*lines, b"broken"]) + b"\n"))
    keep = Repositories(["lantern/*"])
    frames = list(read(path, "gharchive", wanted=keep))
    assert [frame.seq for frame in frames] == [*range(2, 101, 2), 101]
    assert all(json.loads(frame.body)["repo"]["name"] == names[1] for frame in frames[:-1])
    assert keep.dropped == 50
