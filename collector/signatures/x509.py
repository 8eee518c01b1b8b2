"""Verify fedmsg's X.509 signatures: authenticity of a message, and permission to send its topic.

`check` returns None, or the short reason for refusing a message. It never raises, whatever the
bytes are; only certificates are cached.

A signature is RSA PKCS#1 v1.5 with SHA-1, as the wire format prescribes, over the `canonical` JSON
of the body without `signature` and `certificate`. The first check that fails gives the reason, in
this order: UTF-8, JSON object, equal topics, signed at all, signature, chain, dates, revocation
list, policy. With a revocation list that has expired or is not signed by the CA, every message is
refused (fedmsg's older backend accepts such a list).
"""

from __future__ import annotations

import base64
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from hubbub.collector.signatures.canonical_json import canonical, fast_canonical
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.x509 import Certificate, CertificateRevocationList

__all__ = ["REASONS", "Trust", "canonical", "check", "load_trust", "parse", "verify"]

#: Every reason that `check` returns, with the sentence shown to users; the last one is `guard`'s.
REASONS = {
    "not-utf8": "topic or body is not UTF-8",
    "not-json": "the body is not JSON",
    "not-an-object": "the body is JSON, but not an object",
    "topic-mismatch": "the topics of the frame and the body differ",
    "unsigned": "the message is not signed",
    "unknown-crypto": "the message is not signed with x509",
    "bad-certificate": "the certificate is not a PEM certificate with an RSA key",
    "bad-signature": "the signature does not match the body and the certificate",
    "untrusted": "the certificate was not issued by the CA",
    "expired": "the certificate or the CA is not valid at this time",
    "crl-untrusted": "the revocation list is not signed by the CA",
    "crl-expired": "the revocation list has expired",
    "revoked": "the certificate is revoked",
    "not-permitted": "the policy does not permit this certificate to send this topic",
    "not-signed-so": "the row of history adds people, a body or a time that are not signed",
}
_CACHE_SIZE, _MAX_CERTIFICATE = 1_024, 16_384  # certificates, and characters of one: 16 MB


@dataclass(frozen=True, slots=True)
class Trust:
    """Trust settings: CA, revocation list and policy.

    Args:
        ca: certificate of the CA, PEM; several concatenated certificates are all trusted.
        crl: revocation list, PEM; None: no certificate is revoked.
        policy: topic → common names of the certificates that may send it and the topics below it.
        nitpicky: whether topics missing from the policy are refused.

    Raises:
        UsageError: `ca` or `crl` is not valid PEM.
    """

    ca: bytes
    crl: bytes | None = None
    policy: Mapping[str, Sequence[str]] = field(default_factory=dict)
    nitpicky: bool = False

    def __post_init__(self) -> None:
        _authority(self.ca, self.crl)


def load_trust(
    ca: Path, crl: Path | None = None, policy: Path | None = None, *, nitpicky: bool = False
) -> Trust:
    """Load trust settings; the policy is TOML: `"org.example.prod.git.receive" = ["host"]`.

    Raises:
        UsageError: a file is missing or invalid.
    """
    path = ca  # the file that is being read
    try:
        authority = ca.read_bytes()
        path = crl or path
        revoked = crl.read_bytes() if crl else None
        path = policy or path
        table = tomllib.loads(policy.read_text(encoding="utf-8")) if policy else {}
        permitted = msgspec.convert(table, dict[str, list[str]])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        hint = "it must be a file that this user may read (--ca, --crl, --policy, [trust])"
        raise UsageError(f"cannot be read: {error}", where=str(path), hint=hint) from None
    except msgspec.ValidationError as error:
        raise UsageError(
            f"the policy is not a table of lists: {error}",
            where=str(path),
            hint='write for each topic: "org.example.prod.git.receive" = ["host.example.org"]',
        ) from None
    try:
        _authority(authority, None)
    except UsageError as error:
        raise UsageError(error.what, where=str(ca), hint=error.hint) from None
    try:
        return Trust(authority, revoked, permitted, nitpicky)
    except UsageError as error:
        raise UsageError(error.what, where=str(crl), hint=error.hint) from None


def check(topic: bytes, body: bytes, trust: Trust, *, now: datetime | None = None) -> str | None:
    """Verify a message.

    Args:
        topic: the topic frame.
        body: the body frame.
        trust: trust settings.
        now: the time at which certificates must be valid; defaults to the current time.

    Returns:
        None if the message is accepted, else one of `REASONS`.
    """
    parsed = parse(topic, body)
    if isinstance(parsed, str):
        return parsed
    return verify(parsed.message, trust, now, plain=parsed.plain)


def verify(
    message: Mapping[str, Any], trust: Trust, now: datetime | None = None, *, plain: bool = False
) -> str | None:
    """Verify a parsed message: like `check`, from the check for a signature on.

    Args:
        message: the parsed body.
        trust: trust settings.
        now: see `check`.
        plain: see `Parsed`; allows faster encoding.
    """
    signature, encoded = message.get("signature"), message.get("certificate")
    if not isinstance(signature, str) or not isinstance(encoded, str):
        return "unsigned" if signature is None or encoded is None else "bad-signature"
    if message.get("crypto", "x509") != "x509":
        return "unknown-crypto"
    try:
        certificate = _certificate(encoded[:_MAX_CERTIFICATE], trust.ca, trust.crl)
    except ValueError:
        return "bad-certificate"
    if not _signature_matches(certificate, signature, message, plain=plain):
        return "bad-signature"
    if reason := certificate.refusal(now or datetime.now(UTC)):
        return reason
    permitted = _permitted(message["topic"], certificate.name, trust)
    return None if permitted else "not-permitted"


class Parsed(NamedTuple):
    """A parsed body, and whether it is plain: strict JSON (no NaN) without floats."""

    message: dict[str, Any]
    plain: bool


def parse(topic: bytes | None, body: bytes) -> Parsed | str:
    """Parse a body; return the reason if it is malformed or its topic differs from the frame's.

    Without a topic frame (None), the topic of the body may be any string.
    """
    try:
        frame_topic, text = topic and topic.decode(), body.decode()
    except UnicodeDecodeError:
        return "not-utf8"
    try:
        message, plain = _parse(body, text)
    except (ValueError, RecursionError):
        return "not-json"
    if not isinstance(message, dict):
        return "not-an-object"
    body_topic = message.get("topic")
    matches = isinstance(body_topic, str) if frame_topic is None else body_topic == frame_topic
    return Parsed(message, plain) if matches else "topic-mismatch"


def _parse(body: bytes, text: str) -> tuple[Any, bool]:
    try:
        return _decode(body), True
    except (msgspec.DecodeError, msgspec.ValidationError):
        return json.loads(text), False  # NaN, Infinity, lone surrogates: signed by some publishers


def _no_float(_text: str) -> float:
    raise ValueError("floats need the slower encoder")


_decode = msgspec.json.Decoder(float_hook=_no_float).decode


@cache
def _method() -> tuple[type[Exception], PKCS1v15, Prehashed]:
    """Return the signature method of the wire format; imports the library on first use.

    The digest is precomputed with hashlib: hashing in the library costs half as much as the whole
    verification.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA1

    return InvalidSignature, PKCS1v15(), Prehashed(SHA1())  # noqa: S303 - the wire's choice


def _signature_matches(
    certificate: _Certificate, signature: str, message: Mapping[str, Any], *, plain: bool
) -> bool:
    invalid, padding, method = _method()
    try:
        raw_signature = base64.b64decode(signature.encode("ascii"))
        signed = fast_canonical(message) if plain else canonical(message)
        digest = hashlib.sha1(signed, usedforsecurity=False).digest()
        certificate.key.verify(raw_signature, digest, padding, method)
    except (invalid, ValueError, RecursionError):  # ValueError: invalid base64, JSON or encoding
        return False
    return True


def _permitted(topic: str, name: str, trust: Trust) -> bool:
    """Whether a certificate may send a topic: by the policy's longest entry that covers it.

    An entry covers its topic, with its environment, and all topics below it: a message whose topic
    is longer by a part is counted in the same category.
    """
    covered = topic
    while covered:
        if covered in trust.policy:
            return name in trust.policy[covered]
        covered = covered.rpartition(".")[0]
    return not trust.nitpicky


@dataclass(frozen=True, slots=True)
class _Certificate:
    """The checks of a certificate that do not depend on the time; cached."""

    key: RSAPublicKey
    name: str  # its common name
    valid: tuple[datetime, datetime]  # of both certificate and CA
    crl_until: datetime | None  # None: no list, or one that does not expire
    fault: str | None  # of the chain
    crl_fault: str | None  # the list is not trusted, or contains the certificate

    def refusal(self, now: datetime) -> str | None:
        """Return why the certificate is refused at a time; None: it is valid."""
        if self.fault is not None:
            return self.fault
        if not self.valid[0] <= now <= self.valid[1]:
            return "expired"
        if self.crl_fault == "crl-untrusted":
            return self.crl_fault
        if self.crl_until is not None and now > self.crl_until:
            return "crl-expired"
        return self.crl_fault


@lru_cache(maxsize=_CACHE_SIZE)
def _certificate(encoded: str, ca: bytes, crl: bytes | None) -> _Certificate:
    """Check everything about a certificate except the time.

    Raises:
        ValueError: invalid base64 or PEM, no RSA key, or no common name.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        leaf = x509.load_pem_x509_certificate(base64.b64decode(encoded.encode("ascii")))
        key = leaf.public_key()
        names = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except Exception as error:  # noqa: BLE001 - the library raises many types for malformed certificates
        raise ValueError(str(error)) from None
    if not isinstance(key, RSAPublicKey) or not names:
        raise ValueError("no RSA key, or no common name")
    authorities, revoked = _authority(ca, crl)
    issuer = next((authority for authority in authorities if _issued(leaf, authority)), None)
    fault, until = (None if issuer else "untrusted"), None
    valid = (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    crl_fault = None
    if issuer is not None:
        valid = (
            max(valid[0], issuer.not_valid_before_utc),
            min(valid[1], issuer.not_valid_after_utc),
        )
        if revoked is not None:
            until, crl_fault = _check_crl(leaf, issuer, revoked)
    return _Certificate(key, str(names[0].value), valid, until, fault, crl_fault)


def _issued(leaf: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_crl(
    leaf: Certificate, issuer: Certificate, revoked: CertificateRevocationList
) -> tuple[datetime | None, str | None]:
    """Return when the revocation list expires, and the reason for refusing the certificate."""
    until = revoked.next_update_utc  # None: the list does not expire
    key: Any = issuer.public_key()
    try:
        genuine = revoked.issuer == issuer.subject and revoked.is_signature_valid(key)
    except (TypeError, ValueError):  # a type of key that cannot sign lists
        genuine = False
    if not genuine:
        return until, "crl-untrusted"
    entry = revoked.get_revoked_certificate_by_serial_number(leaf.serial_number)
    return until, None if entry is None else "revoked"


@lru_cache(maxsize=16)
def _authority(
    ca: bytes, crl: bytes | None
) -> tuple[tuple[Certificate, ...], CertificateRevocationList | None]:
    """Parse the CA's certificates and its revocation list.

    Raises:
        UsageError: one of them is not valid PEM.
    """
    from cryptography import x509

    try:
        authorities = tuple(x509.load_pem_x509_certificates(ca))
    except ValueError as error:
        raise UsageError(f"the CA is not a PEM certificate: {error}", hint="see --ca") from None
    try:
        return authorities, None if crl is None else x509.load_pem_x509_crl(crl)
    except ValueError as error:
        raise UsageError(f"the revocation list is not PEM: {error}", hint="see --crl") from None
