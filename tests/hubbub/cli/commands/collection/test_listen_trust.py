"""`hubbub listen --ca`: frames signed by the real software, and invalid ones, over a socket."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from hubbub.store import Store
from tests.support import paths
from tests.support.commandline import Run
from tests.support.processes import reported, wait_until

CAPTURES = paths.CAPTURES
PKI = CAPTURES / "pki"


def frames(file: str) -> list[list[bytes]]:
    rows = [json.loads(row) for row in (CAPTURES / file).read_text().splitlines()]
    return [[base64.b64decode(part) for part in row["frames"]] for row in rows]


def received(store: Store) -> int:
    """Return how many messages wait, are stored, or were refused."""
    loaded = store.rows() + sum(store.state.dead_letter_counts().values())
    return loaded + store.waiting().records


def test_refused_messages_are_counted_by_reason_and_kept(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(
        '"org.fedoraproject.dev.lab.guarded" = ["lab-host.example.org"]\n'
    )
    config = tmp_path / "hubbub.toml"
    config.write_text(
        f'max_message = "3kB"\n[trust]\nca = "{PKI / "ca.crt"}"\ncrl = "{PKI / "crl.pem"}"\n'
        'policy = "policy.toml"\n'
    )
    good = frames("fedmsg-signed-lab.jsonl")
    sent = [*good, *frames("fedmsg-signed-bad.jsonl"), frames("fedmsg-signed-shell.jsonl")[10],
            [good[0][0], b"x" * 4000], *frames("fedmsg-unsigned.jsonl")[:1]]  # fmt: skip
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        process = subprocess.Popen(
            [Path(sys.executable).with_name("hubbub"), "listen", "--store", tmp_path / "s",
             "--config", config, "--zmq", f"tcp://127.0.0.1:{port}", "--log-format", "json"],
            stderr=subprocess.PIPE, text=True, env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        )  # fmt: skip
        assert bus.poll(30_000)
        for message in sent:
            bus.send_multipart(message)
        with Store.open(tmp_path / "s") as store:
            wait_until(lambda: received(store) == len(sent))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=90)
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    counts = reported(lines)
    assert (counts["received"], counts["refused"]) == (len(sent), 1)
    expected = {"expired": 1, "not-permitted": 1, "revoked": 1, "too-large": 1, "unsigned": 1,
              "untrusted": 1}  # fmt: skip
    facts = hubbub("query", "users", "--store", tmp_path / "s")  # has no CA; loads waiting messages
    assert facts.code == 0
    facts = hubbub("status", "--json", "--store", tmp_path / "s").json
    assert (facts["events"], facts["refused"], facts["dead_letters"]) == (11, expected, expected)
    with Store.open(tmp_path / "s", create=False) as store:
        (large,) = store.dead_letters(reason="too-large")
        assert (large.source, len(large.body)) == (f"zmq:tcp://127.0.0.1:{port}", 4000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ca", "no.crt"], "no.crt: cannot be read"),
        (["--verify"], "there is no CA to verify signatures with"),
        (["--crl", str(PKI / "crl.pem")], "there is no CA to verify signatures with"),
        (["--max-message", "0"], "--max-message"),
    ],
)
def test_wrong_usage_creates_no_store(
    hubbub: Run, tmp_path: Path, options: list[str], message: str
) -> None:
    result = hubbub("listen", "--store", tmp_path / "s", "--zmq", "tcp://127.0.0.1:9", *options)
    assert (result.code, message in result.err) == (2, True)
    assert not (tmp_path / "s").exists()


def test_an_import_of_envelopes_verifies_where_trust_is_configured(
    hubbub: Run, tmp_path: Path
) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text(f'[trust]\nca = "{PKI / "ca.crt"}"\n')
    forged = {"topic": "a.b.prod.c.d", "msg_id": "2026-1", "timestamp": 1767261600, "msg": {}}
    (tmp_path / "x.jsonl").write_text(json.dumps(forged) + "\n")
    words = ["import", tmp_path / "x.jsonl", "--format", "fedmsg", "--config", config]
    verified = hubbub(*words, "--store", tmp_path / "s", "--json")
    assert verified.json["refused"] == {"unsigned": 1}
    assert "every certificate of the CA may send any topic" in verified.err
    taken = hubbub(*words, "--store", tmp_path / "t", "--json", "--no-verify")
    assert taken.json["new"] == 1
    assert taken.err == ""
