"""The cost of verifying signatures compared with decoding without it.

First with messages of the simulated bus signed with one certificate, since on a real bus
certificates repeat; then with a certificate that is not cached for each message.
"""

from __future__ import annotations

import base64
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from hubbub.collector.decode.message import decode
from hubbub.collector.event import Frame
from hubbub.collector.people.extract import understand
from hubbub.collector.signatures import x509 as signatures
from hubbub.collector.signatures.guard import Guard
from hubbub.collector.signatures.x509 import Trust, canonical
from hubbub.testing.simulator.traffic import messages
from hubbub.testing.simulator.wire import frames

ROUNDS, MESSAGES, CERTIFICATES = 9, 2_000, 100
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def certificate(issuer: Any, key: Any, authority: Any, serial: int) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench.example.org")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=3650))
        .sign(authority, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM)


def sign(body: bytes, key: Any, pem: bytes) -> bytes:
    message = msgspec.json.decode(body) | {"crypto": "x509"}
    signature = key.sign(canonical(message), padding.PKCS1v15(), hashes.SHA1())
    fields = {
        "signature": base64.encodebytes(signature).decode(),
        "certificate": base64.encodebytes(pem).decode(),
    }
    return msgspec.json.encode(message | fields)


def microseconds(call: Callable[[Frame], object], items: Sequence[Frame]) -> float:
    start = time.process_time()
    for item in items:
        call(item)
    return (time.process_time() - start) / len(items) * 1e6


def main() -> None:
    authority, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    ca = certificate(None, authority, authority, 1)
    issuer = x509.load_pem_x509_certificate(ca).subject
    pems = [certificate(issuer, key, authority, n + 2) for n in range(CERTIFICATES)]
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer)
        .last_update(NOW - timedelta(days=1))
        .next_update(NOW + timedelta(days=3650))
        .sign(authority, hashes.SHA256())
    )
    trust = Trust(ca, revoked.public_bytes(serialization.Encoding.PEM))
    guard = Guard(trust)
    bus = (message for message in messages(7, NOW, per_day=50_000) if message.broken is None)
    pairs = [frames(next(bus)) for _ in range(MESSAGES)]
    now = int(NOW.timestamp() * 1e6)
    same = [Frame("zmq:bench", now, topic, sign(body, key, pems[0])) for topic, body in pairs]
    different = [
        Frame("zmq:bench", now, topic, sign(body, key, pems[n % CERTIFICATES]))
        for n, (topic, body) in enumerate(pairs[:CERTIFICATES])
    ]

    def check_uncached(frame: Frame) -> None:
        signatures._certificate.cache_clear()  # noqa: SLF001 - to measure what the cache saves
        guard.check(frame)

    rounds = [
        (
            microseconds(decode, same),
            microseconds(understand, same),
            microseconds(guard.check, same),
            microseconds(check_uncached, different),
        )
        for _ in range(ROUNDS)
    ]
    decoded, people, checked, first = (
        statistics.median(times) for times in zip(*rounds, strict=True)
    )
    size = sum(len(frame.body) for frame in same) // len(same)
    print(
        f"signatures: {size} B per message; decode {decoded:.1f} µs, with people {people:.1f} µs, "
        f"verification {checked:.1f} µs; ratio {checked / decoded:.2f} to decode, "
        f"{checked / people:.2f} to decode and people (budget 3); "
        f"a certificate seen for the first time {first:.0f} µs"
    )


if __name__ == "__main__":
    main()
