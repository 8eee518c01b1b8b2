"""Trust settings of segments: every loader checks frames by the settings they were written with."""

from __future__ import annotations

import base64
import json
import shutil
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hubbub.collector.event import Frame
from hubbub.collector.signatures.guard import TrustFiles
from hubbub.store import Store, Waiting
from hubbub.store.loader.progress import LoadProgress
from hubbub.store.spool.trust import UNREADY, register_trust
from hubbub.store.state import dead_letters
from tests.support.paths import CAPTURES
from tests.support.stores.filling import put

NOW = 1_795_298_400_000_000  # µs; 2026-11-21, when the captures' certificates were valid


def frames(file: str, source: str = "zmq:bus") -> list[Frame]:
    captured = []
    for n, line in enumerate((CAPTURES / file).read_text().splitlines()):
        topic, body, *_ = (base64.b64decode(part) for part in json.loads(line)["frames"])
        captured.append(Frame(source, NOW + n, topic, body))
    return captured


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CAPTURES / "pki", tmp_path / "pki"))


@pytest.fixture
def trust(pki: Path) -> TrustFiles:
    return TrustFiles(str(pki / "ca.crt"), str(pki / "crl.pem"))


def test_only_frames_with_a_valid_signature_are_stored(store: Store, trust: TrustFiles) -> None:
    good, bad = frames("fedmsg-signed-lab.jsonl"), frames("fedmsg-signed-bad.jsonl")
    put(store, *good[:3], *bad, *frames("fedmsg-unsigned.jsonl")[:1], trust=trust)
    done = store.load()  # without a trust of its own
    assert (done.new, done.refused) == (
        3,
        {"expired": 1, "revoked": 1, "unsigned": 1, "untrusted": 1},
    )
    assert store.state.counts("zmq:bus")["zmq:bus"]["refused:revoked"] == 1
    assert {letter.reason for letter in store.dead_letters()} == set(done.refused)
    assert (
        store.dead_letters(reason="untrusted")[0].what == "the certificate was not issued by the CA"
    )


def test_frames_without_a_trust_and_from_history_are_not_checked(
    store: Store, trust: TrustFiles
) -> None:
    put(store, *frames("fedmsg-signed-bad.jsonl"))
    put(store, *frames("fedmsg-unsigned.jsonl", "history:x"), trust=trust)
    done = store.load()
    assert done.refused == {}
    assert done.new == 3 + len(frames("fedmsg-unsigned.jsonl"))


def test_each_segment_has_its_own_trust(store: Store, trust: TrustFiles, pki: Path) -> None:
    other = TrustFiles(str(pki / "otherca.crt"))
    foreign = frames("fedmsg-signed-bad.jsonl")[2]
    lab = frames("fedmsg-signed-lab.jsonl")[0]
    put(store, lab, foreign, trust=trust)
    put(store, lab, foreign, trust=other)
    assert register_trust(store.state, trust) != register_trust(store.state, other)
    assert store.load().refused == {"untrusted": 2}
    assert store.rows() == 2


def test_messages_wait_while_the_ca_cannot_be_read(
    store: Store, trust: TrustFiles, pki: Path
) -> None:
    (pki / "ca.crt").rename(pki / "away")
    put(store, frames("fedmsg-signed-lab.jsonl")[0], trust=trust)
    put(store, frames("fedmsg-unsigned.jsonl")[0])
    with capture_logs() as logs:
        assert store.load().new == 1, "the others do not wait"
        store.load()
    assert [log["event"] for log in logs] == [
        "messages wait: their signatures cannot be checked"
    ], "logged once"
    assert str(pki) in logs[0]["where"]
    assert store.waiting().records == 1
    (pki / "away").rename(pki / "ca.crt")
    assert store.load().new == 1
    assert store.waiting() == Waiting()


def test_frames_with_an_unknown_trust_are_not_loaded(store: Store, trust: TrustFiles) -> None:
    put(store, frames("fedmsg-signed-lab.jsonl")[0], trust=trust)
    with store.state.transaction() as db:
        db.execute("DELETE FROM trusts")
    assert store.load().new == 0
    assert store.waiting().records == 1


def test_a_changed_revocation_list_takes_effect_with_the_next_run(
    store: Store, trust: TrustFiles, pki: Path
) -> None:
    lab = frames("fedmsg-signed-lab.jsonl")
    good = (pki / "crl.pem").read_bytes()
    shutil.copy(pki / "crl-foreign.pem", pki / "crl.pem")
    put(store, lab[0], trust=trust)
    assert store.load().refused == {"crl-untrusted": 1}
    (pki / "crl.pem").write_bytes(good)
    put(store, lab[1], trust=trust)
    assert store.load().new == 1
    with store.state.transaction() as db:
        dead_letters.request_retry(db, [letter.id for letter in store.dead_letters()])
    assert store.load().new == 1
    assert store.dead_letters() == []
    assert store.state.counts("zmq:bus") == {"zmq:bus": {"new": 2}}


def test_a_dead_letter_is_retried_with_the_trust_of_its_segment(
    store: Store, trust: TrustFiles
) -> None:
    put(store, frames("fedmsg-unsigned.jsonl")[0], trust=trust)
    store.load()
    (letter,) = store.dead_letters()
    with store.state.transaction() as db:
        dead_letters.request_retry(db, [letter.id])
    assert store.load().new == 0
    assert store.dead_letters() == [letter]
    with store.state.transaction() as db:
        dead_letters.request_retry(db, [letter.id], {letter.id: 0})
    assert store.load().new == 1


def test_certificates_are_checked_at_the_time_of_arrival(store: Store, trust: TrustFiles) -> None:
    first, second = frames("fedmsg-signed-lab.jsonl")[:2]
    late = Frame(second.source, 4_000_000_000_000_000, second.topic, second.body)
    put(store, first, late, trust=trust)
    assert store.load().refused == {"expired": 1}
    assert time.time() * 1e6 != first.arrived


def test_a_history_row_in_a_file_is_checked_as_its_publisher_signed_it(
    store: Store, pki: Path
) -> None:
    ca = TrustFiles(str(pki / "ca.crt"))
    envelope = json.loads(frames("fedmsg-signed-lab.jsonl")[0].body)
    added = {"headers": {}, "source_name": "datanommer", "source_version": "1.5.0", "users": []}
    row = envelope | added | {"timestamp": float(envelope["timestamp"]), "agent_name": None}
    rows = [row, row | {"username": "other"}, row | {"certificate": None}, envelope]
    bodies = [json.dumps(row).encode() for row in rows]
    put(store, *(Frame("fedmsg:f", NOW, b"", body, n) for n, body in enumerate(bodies)), trust=ca)
    done = store.load()
    assert (done.new, done.known) == (1, 1)
    assert done.refused == {"bad-signature": 1, "unsigned": 1}


@pytest.mark.parametrize(
    "added",
    [
        {"headers": {"fedora_messaging_user_mallory": True}},
        {"headers": {"sent-at": "2020-01-01T00:00:00+00:00"}},
        {"headers": ["fedora_messaging_user_mallory"]},
        {"meta": {"usernames": ["mallory"]}},
        {"body": {"agent": "mallory"}},
        {"id": "another"},
    ],
)
def test_a_history_row_with_unsigned_additions_is_refused(
    store: Store, pki: Path, added: dict[str, object]
) -> None:
    envelope = json.loads(frames("fedmsg-signed-lab.jsonl")[0].body)
    headers = {"sent-at": envelope["timestamp"]}
    good = envelope | {"source_name": "datanommer", "headers": headers, "meta": None}
    bodies = [json.dumps(row).encode() for row in (good, good | added)]
    ca = TrustFiles(str(pki / "ca.crt"))
    put(store, *(Frame("fedmsg:f", NOW, b"", body, 1) for body in bodies), trust=ca)
    done = store.load()
    assert (done.new, done.refused) == (1, {"not-signed-so": 1})


def test_frames_that_cannot_be_checked_do_not_hold_up_coverage(
    store: Store, trust: TrustFiles, pki: Path
) -> None:
    """If they did, nothing later could be proven until they are loaded; history supplies them."""
    stock = LoadProgress(store.state, store.spool_folder)
    put(store, *frames("fedmsg-signed-lab.jsonl")[:2], trust=trust)
    begun = int(next(store.spool_folder.glob("*.seg")).name.partition("-")[0]) // 1000
    assert stock.loaded() == begun
    (pki / "ca.crt").rename(pki / "away")
    store.load()
    assert stock.loaded() > begun
    put(store, *frames("fedmsg-unsigned.jsonl")[:1])
    later = int(max(store.spool_folder.glob("*.seg")).name.partition("-")[0]) // 1000
    assert stock.loaded() == later, "loadable frames do count"
    (pki / "away").rename(pki / "ca.crt")
    assert store.load().new == 3
    assert store.state.get(UNREADY) is None
    assert store.waiting().records == 0
