"""fedmsg's x509 signatures: is a message from whom it says, and may they send it?

Comes in: the two frames of a message and a `Trust`. Goes out: None, or the short reason why the
message is refused. It keeps nothing but what it knows about certificates, and never raises for a
message, whatever its bytes are.

A signature is RSA PKCS#1 v1.5 with SHA-1 (the wire format says so; nothing else may be chosen) over
the body without `signature` and `certificate`, as `canonical` writes it. The checks come in this
order, and the first that fails names the reason: UTF-8, JSON object, topic equal, signed at all,
signature, chain, dates, revocation list, policy. A revocation list that has expired or that the CA
did not sign refuses everything (fedmsg's older backend accepts such a list).
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

#: Every reason that `check` gives, and the last one that `guard` does, with the sentence a person
#: reads.
REASONS = {
    "not-utf8": "topic or body is not UTF-8",
    "not-json": "the body is not JSON",
    "not-an-object": "the body is JSON, but not an object",
    "topic-mismatch": "the topic of the frame is not the topic of the body",
    "unsigned": "the message bears no signature",
    "unknown-crypto": "the message is signed by another method than x509",
    "bad-certificate": "the certificate is not a PEM certificate with an RSA key",
    "bad-signature": "the signature is not of this body by this certificate",
    "untrusted": "the certificate was not issued by the CA",
    "expired": "the certificate, or the CA, is not valid at this time",
    "crl-untrusted": "the revocation list is not signed by the CA",
    "crl-expired": "the revocation list has expired",
    "revoked": "the certificate is revoked",
    "not-permitted": "the policy does not let this certificate send this topic",
    "not-signed-so": "the row of history adds people, a body or a time that nobody signed",
}
_CACHED = 4096  # certificates: many times those of any bus


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe.

    Args:
        ca: the certificate of the CA, PEM; several in a row are all believed.
        crl: the revocation list, PEM; None: nobody is revoked.
        policy: topic → the common names whose certificates may send it.
        nitpicky: topics that the policy does not name are refused.

    Raises:
        UsageError: `ca` or `crl` cannot be read.
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
    """Read a Trust from files; the policy is TOML: `"org.example.prod.git.receive" = ["host"]`.

    Raises:
        UsageError: a file cannot be read or is not what it should be.
    """
    where = ca
    try:
        authority = ca.read_bytes()
        where = crl or where
        revoked = crl.read_bytes() if crl else None
        where = policy or where
        table = tomllib.loads(policy.read_text(encoding="utf-8")) if policy else {}
        permitted = msgspec.convert(table, dict[str, list[str]])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(where)) from None
    except msgspec.ValidationError as error:
        raise UsageError(
            f"the policy is no table of lists: {error}",
            where=str(where),
            hint='write for each topic "org.example.prod.git.receive" = ["host.example.org"]',
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
    """Whether a message may be believed.

    Args:
        topic: the topic frame.
        body: the body frame.
        trust: whom to believe.
        now: the time at which certificates must be valid; the present one.

    Returns:
        None where the message is accepted, else one of `REASONS`.
    """
    found = parse(topic, body)
    if isinstance(found, str):
        return found
    return verify(found.message, trust, now, plain=found.plain)


def verify(
    message: Mapping[str, Any], trust: Trust, now: datetime | None = None, *, plain: bool = False
) -> str | None:
    """The same for a message that was read: what `check` says after the topic.

    Args:
        message: the object.
        trust: whom to believe.
        now: see `check`.
        plain: see `Read`; then it is written faster.
    """
    signature, encoded = message.get("signature"), message.get("certificate")
    if not isinstance(signature, str) or not isinstance(encoded, str):
        return "unsigned" if signature is None or encoded is None else "bad-signature"
    if message.get("crypto", "x509") != "x509":
        return "unknown-crypto"
    try:
        certificate = _certificate(encoded, trust.ca, trust.crl)
    except ValueError:
        return "bad-certificate"
    if not _signed(certificate, signature, message, plain=plain):
        return "bad-signature"
    permitted = _permitted(message["topic"], certificate.name, trust)
    return certificate.refused(now or datetime.now(UTC)) or (None if permitted else "not-permitted")


class Parsed(NamedTuple):
    """A message, and whether it is plain: strict JSON (without NaN) that holds no float."""

    message: dict[str, Any]
    plain: bool


def parse(topic: bytes | None, body: bytes) -> Parsed | str:
    """The message in a body, or why there is none that fits the topic; None: its own will do."""
    try:
        heard, text = topic and topic.decode(), body.decode()
    except UnicodeDecodeError:
        return "not-utf8"
    try:
        message, plain = _parse(body, text)
    except (ValueError, RecursionError):
        return "not-json"
    if not isinstance(message, dict):
        return "not-an-object"
    said = message.get("topic")
    fits = isinstance(said, str) if heard is None else said == heard
    return Parsed(message, plain) if fits else "topic-mismatch"


def _parse(body: bytes, text: str) -> tuple[Any, bool]:
    try:
        return _decode(body), True
    except (msgspec.DecodeError, msgspec.ValidationError):
        return json.loads(text), False  # NaN, Infinity, lone surrogates: some publishers sign them


def _no_float(_text: str) -> float:
    raise ValueError("written by its own rules")


_decode = msgspec.json.Decoder(float_hook=_no_float).decode


@cache
def _method() -> tuple[type[Exception], PKCS1v15, Prehashed]:
    """What the wire format prescribes; the library is loaded when the first message is checked.

    The digest is made by hashlib: the library's own way costs half as much again as the signature.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA1

    return InvalidSignature, PKCS1v15(), Prehashed(SHA1())  # noqa: S303 - the wire's choice


def _signed(
    certificate: _Certificate, signature: str, message: Mapping[str, Any], *, plain: bool
) -> bool:
    invalid, padding, method = _method()
    try:
        given = base64.b64decode(signature.encode("ascii"))
        said = fast_canonical(message) if plain else canonical(message)
        digest = hashlib.sha1(said, usedforsecurity=False).digest()
        certificate.key.verify(given, digest, padding, method)
    except (invalid, ValueError, RecursionError):  # ValueError: also of base64, JSON and encoding
        return False
    return True


def _permitted(topic: str, name: str, trust: Trust) -> bool:
    if topic in trust.policy:
        return name in trust.policy[topic]
    return not trust.nitpicky


@dataclass(frozen=True, slots=True)
class _Certificate:
    """What is known about a certificate once and for all; only time can change the verdict."""

    key: RSAPublicKey
    name: str  # its common name
    valid: tuple[datetime, datetime]  # of certificate and CA together
    crl_until: datetime | None  # None: there is no list
    fault: str | None  # chain
    crl_fault: str | None  # what is wrong with the list, or that it names this certificate

    def refused(self, now: datetime) -> str | None:
        """Why the certificate does not count at a time; None: it does."""
        if self.fault is not None:
            return self.fault
        if not self.valid[0] <= now <= self.valid[1]:
            return "expired"
        if self.crl_fault == "crl-untrusted":
            return self.crl_fault
        if self.crl_until is not None and now > self.crl_until:
            return "crl-expired"
        return self.crl_fault


@lru_cache(maxsize=_CACHED)
def _certificate(encoded: str, ca: bytes, crl: bytes | None) -> _Certificate:
    """Everything about a certificate but the time.

    Raises:
        ValueError: no base64, no PEM, no RSA key, no common name.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        leaf = x509.load_pem_x509_certificate(base64.b64decode(encoded.encode("ascii")))
        key = leaf.public_key()
        names = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except Exception as error:  # noqa: BLE001 - the library has many ways to say that this is no certificate
        raise ValueError(str(error)) from None
    if not isinstance(key, RSAPublicKey) or not names:
        raise ValueError("no RSA key, or no common name")
    authorities, revoked = _authority(ca, crl)
    issuer = next((one for one in authorities if _issued(leaf, one)), None)
    fault, until = (None if issuer else "untrusted"), None
    valid = (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    crl_fault = None
    if issuer is not None:
        valid = (
            max(valid[0], issuer.not_valid_before_utc),
            min(valid[1], issuer.not_valid_after_utc),
        )
        if revoked is not None:
            until, crl_fault = _listed(leaf, issuer, revoked)
    return _Certificate(key, str(names[0].value), valid, until, fault, crl_fault)


def _issued(leaf: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _listed(
    leaf: Certificate, issuer: Certificate, revoked: CertificateRevocationList
) -> tuple[datetime | None, str | None]:
    """Until when the list counts, and what it says about the certificate."""
    until = revoked.next_update_utc  # a list without an end counts for ever
    key: Any = issuer.public_key()
    try:
        genuine = revoked.issuer == issuer.subject and revoked.is_signature_valid(key)
    except (TypeError, ValueError):  # a kind of key that signs no lists
        genuine = False
    if not genuine:
        return until, "crl-untrusted"
    listed = revoked.get_revoked_certificate_by_serial_number(leaf.serial_number)
    return until, None if listed is None else "revoked"


@lru_cache(maxsize=16)
def _authority(
    ca: bytes, crl: bytes | None
) -> tuple[tuple[Certificate, ...], CertificateRevocationList | None]:
    """The CA's certificates and its revocation list.

    Raises:
        UsageError: one of the two is not PEM.
    """
    from cryptography import x509

    try:
        authorities = tuple(x509.load_pem_x509_certificates(ca))
    except ValueError as error:
        raise UsageError(f"the CA is no PEM certificate: {error}", hint="see --ca") from None
    try:
        return authorities, None if crl is None else x509.load_pem_x509_crl(crl)
    except ValueError as error:
        raise UsageError(f"the revocation list is not PEM: {error}", hint="see --crl") from None
