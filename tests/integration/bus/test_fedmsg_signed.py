"""`hubbub listen --ca` receives signed messages of the real fedmsg, and forged ones among them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from hubbub.store import Store
from tests.support.bus.fedmsg_lab import (
    PEERS,
    PREFIX,
    StartListener,
    StartPublisher,
    await_published,
    expected,
    go,
)
from tests.support.paths import LAB
from tests.support.processes import free_port, reported, within

pytestmark = pytest.mark.service("fedmsg")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two CAs, certificates and revocation lists, made by peers/fedmsg/setup_bus.py."""
    folder = tmp_path_factory.mktemp("bus")
    script = [LAB / "venv-fmsg/bin/python", PEERS / "setup_bus.py", folder]
    subprocess.run(script, check=True, capture_output=True)
    return folder / "pki"


@pytest.fixture
def eavesdropper() -> Iterator[zmq.Socket[bytes]]:
    """Another subscriber of the bus."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.set(zmq.RCVHWM, 0)
        socket.subscribe(b"")
        yield socket


def forged(messages: list[list[bytes]]) -> list[tuple[bytes, bytes]]:
    """Forge messages from real ones: another id, user, topic, signature, or none."""
    forgeries = []
    for n, (topic, body) in enumerate(messages[:5]):
        message = json.loads(body) | {"msg_id": f"2026-forged-{n}"}
        forgeries.append((topic, json.dumps(message).encode()))
    topic, body = messages[5]
    forgeries.append((topic, body.replace(b"user-5", b"malory")))
    forgeries.append((b"org.fedoraproject.dev.lab.guarded", messages[6][1]))
    message = json.loads(messages[7][1])
    message["signature"], message["msg_id"] = json.loads(messages[8][1])["signature"], "swapped"
    forgeries.append((messages[7][0], json.dumps(message).encode()))
    stripped = {k: v for k, v in message.items() if k not in {"signature", "certificate", "crypto"}}
    forgeries.append((messages[7][0], json.dumps(stripped).encode()))
    return forgeries


def test_forged_messages_among_a_thousand_real_ones(
    listen: StartListener,
    fedmsg: StartPublisher,
    pki: Path,
    eavesdropper: zmq.Socket[bytes],
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    listening = listen(
        "--zmq", address, "--zmq-bind", "tcp://127.0.0.1:*",
        "--ca", str(pki / "ca.crt"), "--crl", str(pki / "crl.pem"),
    )  # fmt: skip
    eavesdropper.connect(address)
    publisher = fedmsg("bind", address, 0, 1000, 500, pki, "lab")
    listening.await_log("connected")
    time.sleep(0.5)  # the subscription follows the handshake
    with eavesdropper.context.socket(zmq.PUB) as attacker:
        attacker.set(zmq.LINGER, 2000)
        attacker.connect(listening.address())
        listening.await_log("connected", 2)
        go(publisher, wait=False)
        real = [eavesdropper.recv_multipart() for _ in range(100)]
        forgeries = forged(real)
        for forgery in forgeries:
            attacker.send_multipart(forgery)
        attacker.send_multipart(real[50])  # a replay is valid, and a duplicate
        await_published(publisher)
    assert listening.end() < within(5)
    number = 1000 + len(forgeries) + 1
    counts = reported(listening.log("listening") + listening.log("stopped"))
    assert +counts == {"received": number, "stored": number}
    assert listening.stored() == expected(*range(1000)), "loaded by a process without --ca"
    with Store.open(listening.store, create=False) as store:
        reasons = store.state.dead_letter_counts()
        known = sum(counts.get("known", 0) for counts in store.state.counts().values())
        bodies = {dead_letter.body for dead_letter in store.dead_letters()}
    assert reasons == {"bad-signature": 7, "topic-mismatch": 1, "unsigned": 1}
    assert known == 1
    assert bodies == {body for _, body in forgeries}


def test_invalid_certificates(listen: StartListener, fedmsg: StartPublisher, pki: Path) -> None:
    policy = pki / "policy.toml"
    policy.write_text(f'"{PREFIX}git.receive" = ["shell-host.example.org"]\n')
    listening = listen(
        "--zmq-bind", "tcp://127.0.0.1:*", "--ca", str(pki / "ca.crt"),
        "--crl", str(pki / "crl.pem"), "--policy", str(policy),
    )  # fmt: skip
    address = listening.address()
    for n, stem in enumerate(("revoked", "expired", "foreign", "lab", "shell"), 1):
        publisher = fedmsg("connect", address, 10 * n, 10, 0, pki, stem)
        listening.await_log("connected", n)
        time.sleep(0.5)
        go(publisher)
        publisher.kill()
    listening.end()
    good = [n for n in range(40, 50) if n % 5] + list(range(50, 60))
    assert listening.stored() == expected(*good), "the policy forbids git to the certificate lab"
    with Store.open(listening.store, create=False) as store:
        assert store.state.dead_letter_counts() == {
            "expired": 10, "not-permitted": 2, "revoked": 10, "untrusted": 10,
        }  # fmt: skip
