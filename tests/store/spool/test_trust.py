"""Segments say whom their frames must satisfy, and every loader keeps to it."""

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
from hubbub.store.spool import trust as trusts
from hubbub.store.spool.trust import UNREADY
from hubbub.store.state import dead_letters
from tests.support import paths

CAPTURES = paths.CAPTURES
NOW = 1_795_298_400_000_000  # µs; 2026-11-21, when the captures' certificates were valid


def frames(file: str, source: str = "zmq:bus") -> list[Frame]:
    found = []
    for n, line in enumerate((CAPTURES / file).read_text().splitlines()):
        topic, body, *_ = (base64.b64decode(part) for part in json.loads(line)["frames"])
        found.append(Frame(source, NOW + n, topic, body))
    return found


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CAPTURES / "pki", tmp_path / "pki"))


@pytest.fixture
def trust(pki: Path) -> TrustFiles:
    return TrustFiles(str(pki / "ca.crt"), str(pki / "crl.pem"))


def put(store: Store, trust: TrustFiles | None, *some: Frame) -> None:
    with store.spool("test", trust=trust) as writer:
        for frame in some:
            writer.put(frame)


def test_only_what_may_be_believed_is_stored(store: Store, trust: TrustFiles) -> None:
    good, bad = frames("fedmsg-signed-lab.jsonl"), frames("fedmsg-signed-bad.jsonl")
    put(store, trust, *good[:3], *bad, *frames("fedmsg-unsigned.jsonl")[:1])
    done = store.load()  # by whoever comes: it was given no trust
    assert (done.new, done.refused) == (
        3,
        {"expired": 1, "revoked": 1, "unsigned": 1, "untrusted": 1},
    )
    assert store.state.counts("zmq:bus")["zmq:bus"]["refused:revoked"] == 1
    assert {one.reason for one in store.dead_letters()} == set(done.refused)
    assert (
        store.dead_letters(reason="untrusted")[0].what == "the certificate was not issued by the CA"
    )


def test_without_a_trust_and_beside_one_nothing_is_asked(store: Store, trust: TrustFiles) -> None:
    put(store, None, *frames("fedmsg-signed-bad.jsonl"))
    put(store, trust, *frames("fedmsg-unsigned.jsonl", "history:x"))
    done = store.load()
    assert done.refused == {}
    assert done.new == 3 + len(frames("fedmsg-unsigned.jsonl"))


def test_each_segment_has_its_own(store: Store, trust: TrustFiles, pki: Path) -> None:
    other = TrustFiles(str(pki / "otherca.crt"))
    foreign = frames("fedmsg-signed-bad.jsonl")[2]
    lab = frames("fedmsg-signed-lab.jsonl")[0]
    put(store, trust, lab, foreign)
    put(store, other, lab, foreign)
    assert trusts.register_trust(store.state, trust) != trusts.register_trust(store.state, other)
    assert store.load().refused == {"untrusted": 2}
    assert store.rows() == 2


def test_while_the_ca_cannot_be_read_messages_wait(
    store: Store, trust: TrustFiles, pki: Path
) -> None:
    (pki / "ca.crt").rename(pki / "away")
    put(store, trust, frames("fedmsg-signed-lab.jsonl")[0])
    put(store, None, frames("fedmsg-unsigned.jsonl")[0])
    with capture_logs() as logs:
        assert store.load().new == 1, "the others do not wait"
        store.load()
    assert [log["event"] for log in logs] == [
        "messages wait: their signatures cannot be checked"
    ], "said once"
    assert str(pki) in logs[0]["where"]
    assert store.waiting().records == 1
    (pki / "away").rename(pki / "ca.crt")
    assert store.load().new == 1
    assert store.waiting() == Waiting()


def test_a_trust_that_the_store_does_not_know_lets_nothing_pass(
    store: Store, trust: TrustFiles
) -> None:
    put(store, trust, frames("fedmsg-signed-lab.jsonl")[0])
    with store.state.transaction() as db:
        db.execute("DELETE FROM trusts")
    assert store.load().new == 0
    assert store.waiting().records == 1


def test_a_changed_revocation_list_counts_from_the_next_run(
    store: Store, trust: TrustFiles, pki: Path
) -> None:
    lab = frames("fedmsg-signed-lab.jsonl")
    good = (pki / "crl.pem").read_bytes()
    shutil.copy(pki / "crl-foreign.pem", pki / "crl.pem")
    put(store, trust, lab[0])
    assert store.load().refused == {"crl-untrusted": 1}
    (pki / "crl.pem").write_bytes(good)
    put(store, trust, lab[1])
    assert store.load().new == 1
    with store.state.transaction() as db:
        dead_letters.request_retry(db, [one.id for one in store.dead_letters()])
    assert store.load().new == 1
    assert store.dead_letters() == []
    assert store.state.counts("zmq:bus") == {"zmq:bus": {"new": 2}}


def test_a_letter_is_held_to_the_trust_it_came_under(store: Store, trust: TrustFiles) -> None:
    put(store, trust, frames("fedmsg-unsigned.jsonl")[0])
    store.load()
    (letter,) = store.dead_letters()
    with store.state.transaction() as db:
        dead_letters.request_retry(db, [letter.id])
    assert store.load().new == 0
    assert store.dead_letters() == [letter]
    with store.state.transaction() as db:
        dead_letters.request_retry(db, [letter.id], {letter.id: 0})
    assert store.load().new == 1


def test_certificates_are_judged_at_the_time_of_arrival(store: Store, trust: TrustFiles) -> None:
    one, two = frames("fedmsg-signed-lab.jsonl")[:2]
    late = Frame(two.source, 4_000_000_000_000_000, two.topic, two.body)
    put(store, trust, one, late)
    assert store.load().refused == {"expired": 1}
    assert time.time() * 1e6 != one.arrived


def test_a_row_of_history_in_a_file_holds_as_it_was_signed(store: Store, pki: Path) -> None:
    ca = TrustFiles(str(pki / "ca.crt"))
    envelope = json.loads(frames("fedmsg-signed-lab.jsonl")[0].body)
    more = {"headers": {}, "source_name": "datanommer", "source_version": "1.5.0", "users": []}
    row = envelope | more | {"timestamp": float(envelope["timestamp"]), "agent_name": None}
    rows = [row, row | {"username": "somebody else"}, row | {"certificate": None}, envelope]
    bodies = [json.dumps(one).encode() for one in rows]
    put(store, ca, *(Frame("fedmsg:f", NOW, b"", body, n) for n, body in enumerate(bodies)))
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
def test_a_row_that_adds_what_nobody_signed(
    store: Store, pki: Path, added: dict[str, object]
) -> None:
    envelope = json.loads(frames("fedmsg-signed-lab.jsonl")[0].body)
    when = {"sent-at": envelope["timestamp"]}
    good = envelope | {"source_name": "datanommer", "headers": when, "meta": None}
    some = [json.dumps(one).encode() for one in (good, good | added)]
    put(store, TrustFiles(str(pki / "ca.crt")), *(Frame("fedmsg:f", NOW, b"", b, 1) for b in some))
    done = store.load()
    assert (done.new, done.refused) == (1, {"not-signed-so": 1})


def test_what_cannot_be_judged_does_not_hold_up_who_counts(
    store: Store, trust: TrustFiles, pki: Path
) -> None:
    """History brings what waits there: until then nothing later could be proven."""
    stock = LoadProgress(store.state, store.spool_folder)
    put(store, trust, *frames("fedmsg-signed-lab.jsonl")[:2])
    begun = int(next(store.spool_folder.glob("*.seg")).name.partition("-")[0]) // 1000
    assert stock.loaded() == begun
    (pki / "ca.crt").rename(pki / "away")
    store.load()
    assert stock.loaded() > begun
    put(store, None, *frames("fedmsg-unsigned.jsonl")[:1])
    later = int(max(store.spool_folder.glob("*.seg")).name.partition("-")[0]) // 1000
    assert stock.loaded() == later, "what can be loaded is waited for"
    (pki / "away").rename(pki / "ca.crt")
    assert store.load().new == 3
    assert store.state.get(UNREADY) is None
    assert store.waiting().records == 0
