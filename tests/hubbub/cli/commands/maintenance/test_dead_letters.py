"""`hubbub dead-letters`, and the size limits and signatures that cause dead letters."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.sizes import parse_size
from tests.support import paths
from tests.support.commandline import HOSTILE, Run

CAPTURES = paths.CAPTURES
PKI = CAPTURES / "pki"
GOOD = {"id": "e1", "timestamp": 1767261600, "topic": "a.b.prod.git.receive", "users": ["x"]}


def lines(file: str) -> bytes:
    rows = [json.loads(row) for row in (CAPTURES / file).read_text().splitlines()]
    return b"".join(base64.b64decode(row["frames"][1]) + b"\n" for row in rows)


@pytest.fixture
def full(hubbub: Run, tmp_path: Path) -> Path:
    """A store with an event and three dead letters."""
    file = tmp_path / "lines.jsonl"
    bad = ["{" + HOSTILE, json.dumps(GOOD | {"id": "e2", "timestamp": "x" * 2000})]
    file.write_bytes(
        b"\n".join([json.dumps(GOOD).encode(), *map(str.encode, bad), b"\xff\xfe\x00", b""])
    )
    result = hubbub("import", file, "--format", "jsonl", "--store", tmp_path / "s",
                    "--max-message", "1kB", "--json")  # fmt: skip
    assert result.json == {
        "read": 4, "new": 1, "known": 0, "refused": {"not-json": 2, "too-large": 1},
    }  # fmt: skip
    return tmp_path / "s"


def test_list_as_a_table_and_as_json(hubbub: Run, full: Path) -> None:
    result = hubbub("dead-letters", "list", "--store", full)
    assert result.code == 0
    assert [row.split()[:3:2] for row in result.out.splitlines()[1:]] == [
        ["3", "not-json"], ["2", "too-large"], ["1", "not-json"],
    ]  # fmt: skip
    rows = hubbub("dead-letters", "list", "--json", "--reason", "too-large", "--store", full).json
    assert [(row["id"], row["position"], row["missing"]) for row in rows] == [(2, 3, 0)]
    assert rows[0]["bytes"] > 2000
    assert hubbub("dead-letters", "list", "--source", "zmq:x", "--store", full).out == (
        "no dead letters\n"
    )
    result = hubbub("dead-letters", "list", "--limit", "1", "--store", full)
    assert "2 older ones" in result.err


def test_nothing_to_list(hubbub: Run, store: Path) -> None:
    assert hubbub("dead-letters", "list", "--store", store).out == "no dead letters\n"
    assert hubbub("dead-letters", "list", "--json", "--store", store).json == []


def test_show_escapes_terminal_controls(hubbub: Run, full: Path) -> None:
    result = hubbub("dead-letters", "show", "1", "--store", full)
    assert "\x1b" not in result.out
    assert "\u009b" not in result.out
    assert "\u202e" not in result.out
    assert "[bold]<b>" in result.out
    assert re.search(r"^size       \d+ bytes$", result.out, re.MULTILINE)
    assert re.search(r"^read again (not )?possible$", result.out, re.MULTILINE)
    shown = hubbub("dead-letters", "show", "1", "--json", "--store", full)
    assert shown.json["body"] == "{" + HOSTILE
    assert "\u009b" not in shown.out
    dump = hubbub("dead-letters", "show", "3", "--store", full).out
    assert "00000000  ff fe 00" in dump
    binary = hubbub("dead-letters", "show", "3", "--json", "--store", full).json
    assert base64.b64decode(binary["body_base64"]) == b"\xff\xfe\x00"
    raw = subprocess.run(
        [sys.executable, "-c", "from hubbub.cli import main; main()", "dead-letters", "show", "3",
         "--raw", "--store", str(full)], capture_output=True, check=True,
    )  # fmt: skip
    assert raw.stdout == b"\xff\xfe\x00"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["show", "99"], "there is no dead letter 99"),
        (["retry", "1", "99"], "there is no dead letter 99"),
        (["retry"], "which dead letters?"),
        (["show", "x"], "'x' is not a valid integer"),
    ],
)
def test_wrong_usage(hubbub: Run, full: Path, args: list[str], message: str) -> None:
    result = hubbub("dead-letters", *args, "--store", full)
    assert result.code == 2
    assert message in result.err


def test_retry_reports_the_outcome_and_status_agrees(hubbub: Run, full: Path) -> None:
    result = hubbub("dead-letters", "retry", "--all", "--json", "--store", full)
    assert result.json == {"retried": 3, "read": 0, "refused": {"bad-time": 1, "not-json": 2}}
    facts = hubbub("status", "--json", "--store", full).json
    assert facts["refused"] == facts["dead_letters"] == {"bad-time": 1, "not-json": 2}
    result = hubbub("dead-letters", "retry", "--reason", "bad-time", "--store", full)
    assert result.out == "retried: 1\nread: 0\nrefused: 1 (1 bad-time)\n"


def test_retry_after_the_ca_was_corrected(hubbub: Run, tmp_path: Path) -> None:
    store, file, ca = tmp_path / "s", tmp_path / "f.jsonl", tmp_path / "ca.crt"
    file.write_bytes(lines("fedmsg-signed-lab.jsonl"))
    shutil.copy(PKI / "otherca.crt", ca)
    result = hubbub("import", file, "--format", "fedmsg", "--ca", ca, "--store", store, "--json")
    assert (result.json["new"], result.json["refused"]) == (0, {"untrusted": 11})
    result = hubbub("dead-letters", "retry", "1", "--store", store, "--json")
    assert result.json == {"retried": 1, "read": 0, "refused": {"untrusted": 1}}
    shutil.copy(PKI / "ca.crt", ca)
    result = hubbub("dead-letters", "retry", "1", "2", "--store", store, "--json")
    assert result.json == {"retried": 2, "read": 2, "refused": {}}
    result = hubbub(
        "dead-letters", "retry", "3", "--ca", PKI / "otherca.crt", "--store", store, "--json"
    )
    assert result.json == {"retried": 1, "read": 0, "refused": {"untrusted": 1}}
    result = hubbub("dead-letters", "retry", "--all", "--no-verify", "--store", store, "--json")
    assert result.json == {"retried": 9, "read": 9, "refused": {}}
    facts = hubbub("status", "--json", "--store", store).json
    assert (facts["events"], facts["refused"], facts["dead_letters"]) == (11, {}, {})


def test_a_truncated_letter_cannot_be_retried(hubbub: Run, tmp_path: Path) -> None:
    file = tmp_path / "f.jsonl"
    file.write_text(json.dumps(GOOD | {"objects": ["x" * 100_000]}))
    hubbub("import", file, "--format", "jsonl", "--max-message", "90000", "--store", tmp_path / "s")
    result = hubbub("dead-letters", "retry", "--all", "--json", "--store", tmp_path / "s")
    assert result.json == {"retried": 0, "read": 0, "refused": {}, "cannot be read": 1}


def test_trust_settings_of_the_configuration(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_bytes(
        lines("fedmsg-signed-lab.jsonl") + lines("fedmsg-signed-bad.jsonl")
    )
    shutil.copytree(PKI, tmp_path / "pki")
    config = tmp_path / "hubbub.toml"
    config.write_text('[trust]\nca = "pki/ca.crt"\ncrl = "pki/crl.pem"\n')
    args = ["import", tmp_path / "f.jsonl", "--format", "fedmsg", "--config", config, "--json"]
    result = hubbub(*args, "--no-verify", "--store", tmp_path / "a")
    assert result.json["new"] == 14
    result = hubbub(*args, "--store", tmp_path / "b")
    assert result.json["new"] == 11
    assert result.json["refused"] == {"expired": 1, "revoked": 1, "untrusted": 1}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--ca", "none.crt"], "none.crt: cannot be read"),
        (["--verify"], "there is no CA to verify signatures with"),
        (["--nitpicky"], "there is no CA to verify signatures with"),
        (["--ca", str(PKI / "ca.crt"), "--no-verify"], "signatures are not verified"),
        (["--ca", str(PKI / "ca.crt"), "--crl", str(PKI / "ca.crt")], "revocation list"),
        (["--max-message", "many"], "'many' is not a size"),
        (["--max-message", "1GiB"], "at most 33,554,432 bytes"),
    ],
)
def test_wrong_trust_and_size(hubbub: Run, tmp_path: Path, args: list[str], message: str) -> None:
    (tmp_path / "f").write_text("")
    result = hubbub(
        "import", tmp_path / "f", "--format", "fedmsg", "--store", tmp_path / "s", *args
    )
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "s").exists()


def test_jsonl_has_no_signatures(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    result = hubbub("import", tmp_path / "f", "--format", "jsonl", "--ca", PKI / "ca.crt")
    assert (result.code, "has no signatures" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4MiB", 4 << 20), ("500 kB", 500_000), ("1048576", 1 << 20), ("1.5kib", 1536)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "4 M", "1e6", "4MiBs"])
def test_invalid_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="--max-message"):
        parse_size(text)
