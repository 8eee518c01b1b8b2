"""The mirror on an object store: S3 as moto plays it, with conditional put."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hubbub.errors import HubbubError, SourceError, UsageError
from hubbub.store import Store
from hubbub.store.mirror.mirror import Mirror
from hubbub.store.mirror.place import Place
from tests.support import paths
from tests.support.object_store import BUCKET, SECRET
from tests.support.processes import free_port


def test_two_stores_commands_and_a_cut(s3, event, hubbub, tmp_path, monkeypatch):
    s3.add(s3.one, [event(n) for n in range(6)])
    s3.add(s3.two, [event(n, agent="carol") for n in range(4, 9)])
    done = hubbub("mirror", s3.url, "--once", "--json", "--store", s3.one.path)
    assert json.loads(done.out) == {"url": s3.url, "new": 6, "known": 0, "waiting": 0}
    done = hubbub("mirror", s3.url, "--once", "--store", s3.two.path)
    assert done.out == "3 events are new to the mirror, 2 were known\n"
    read = hubbub("query", "volume", "--per", "day", "--format", "csv", "--store", s3.url)
    assert read.out.splitlines()[1].split(",")[2] == "9"
    status = json.loads(hubbub("status", "--json", "--store", s3.one.path).out)["mirrors"]
    assert [(m["url"], m["files"], m["events"], m["error"]) for m in status] == [(s3.url, 0, 6, "")]
    refused = hubbub("compact", "--store", s3.url)
    assert (refused.code, "only its collectors write" in refused.err) == (2, True)
    # the network is cut: what is stored waits
    s3.add(s3.one, [event(20)])
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    cut = hubbub("mirror", s3.url, "--once", "--store", s3.one.path)
    assert (cut.code, "cannot be reached" in cut.err, SECRET in cut.err) == (4, True, False)
    (lag,) = json.loads(hubbub("status", "--json", "--store", s3.one.path).out)["mirrors"]
    assert (lag["files"], "cannot be reached" in lag["error"]) == (1, True)
    assert "cannot be reached" in hubbub("status", "--store", s3.one.path).out


@pytest.mark.parametrize(
    ("url", "variables", "why"),
    [
        ("s3://nobody/x", {}, "there is no bucket 'nobody'"),
        (f"s3://{BUCKET}/x", {"AWS_ENDPOINT_URL": "nonsense"}, "not a URL"),
    ],
)
def test_what_is_wrong_is_said(s3, event, monkeypatch, url, variables, why):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    s3.add(s3.one, [event(0)])
    with pytest.raises(UsageError, match=why):
        Mirror(s3.one, url).step()


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("AWS Error ACCESS_DENIED during HeadObject", UsageError, "refuses access"),
        ("Generic S3 error: InvalidAccessKeyId", UsageError, "refuses access"),
        ("AWS Error NO_SUCH_BUCKET", UsageError, "no bucket"),
        ("the credential provider was not enabled: no providers in chain", UsageError, "no cred"),
        (
            "Generic S3 error\n \x1b[31m↳\x1b[0m GET http://169.254.169.254/\n",
            UsageError,
            "no cred",
        ),
        ("Kernel error\n ↳ tcp connect error\n", SourceError, "reached: Kernel error: tcp connect"),
        (f"timeout; Signature={SECRET}&x=1 with {SECRET}", SourceError, "cannot be reached"),
    ],
)
def test_errors_of_the_libraries_are_translated_without_secrets(monkeypatch, text, kind, why):
    from hubbub.store.mirror.failures import translated

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with pytest.raises(HubbubError) as caught, translated(Place(f"s3://{BUCKET}/x")):
        raise OSError(text)
    assert (type(caught.value), why in caught.value.what) == (kind, True)
    assert SECRET not in str(caught.value)


@pytest.mark.timeout(300)
def test_random_kills_of_two_collectors_lose_and_duplicate_nothing(s3, tmp_path: Path):
    """The short form of `make torture`'s."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.mirror", "--kills", "3", "--keep",
         str(tmp_path / "torture"), "--url", s3.url],
        cwd=paths.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills in" in done.stdout
    assert "nothing lost, nothing twice" in done.stdout


def test_nothing_is_written_but_by_collectors(s3, event):
    s3.add(s3.one, [event(0)])
    s3.copy(s3.one)
    place = Place(s3.url)
    before = sorted(found.path for found in place.list("", recursive=True))
    with s3.read() as store:
        assert store.events().count_events() == 1
        store.events().daily_users().to_pyarrow()
    with Store.open(s3.reader) as store:
        store.load()
        with pytest.raises(UsageError, match="only its collectors"):
            store.require_writable()
    assert sorted(found.path for found in place.list("", recursive=True)) == before
