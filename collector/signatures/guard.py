"""Check the signatures of frames before they are decoded, depending on their source.

This module alone decides which sources are signed:

| source | what is verified |
| --- | --- |
| `zmq` | topic and body as received |
| `fedmsg` (a file) | an envelope as it is; a row of `/raw` as its publisher signed it |
| `history`, `amqp`, `jsonl` | nothing: they are trusted because of HTTPS, TLS or the user |

A history service rewrites messages: the signature of a row remains valid only if no signed part was
changed, and rows of `/v2/search` have no signature. `gather` therefore trusts the service it
queries; only files can be verified more strictly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from hubbub.collector.decode.timestamps import micros
from hubbub.collector.event import Frame
from hubbub.collector.signatures.x509 import REASONS, Trust, check, load_trust, parse, verify
from hubbub.errors import MessageError

__all__ = ["Guard", "TrustFiles"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Keys that fedmsg signs, and signature and certificate; history adds its own columns (`_ROW`).
_ENVELOPE = ("i", "msg", "msg_id", "topic", "username", "crypto", "signature", "certificate")
_ROW = frozenset(("source_name", "source_version", "headers"))
#: Unsigned keys of a row that `decode` would read.
_UNSIGNED = ("meta", "body", "id")


class TrustFiles(msgspec.Struct, frozen=True):
    """Paths from which a `Trust` is loaded, and whether topics without a policy are refused."""

    ca: str
    crl: str | None = None
    policy: str | None = None
    nitpicky: bool = False

    def load(self) -> Trust:
        """Read the files and return the trust settings.

        Raises:
            UsageError: a file is missing or invalid.
        """
        crl = Path(self.crl) if self.crl else None
        policy = Path(self.policy) if self.policy else None
        return load_trust(Path(self.ca), crl, policy, nitpicky=self.nitpicky)


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks frames against trust settings.

    Args:
        trust: CA, revocation list and policy.
    """

    trust: Trust

    def check(self, frame: Frame) -> None:
        """Return if the frame's signature is valid or its source is not signed.

        Certificates must be valid at the time of arrival, so that retrying a dead letter later does
        not change the result.

        Raises:
            MessageError: with one of `signatures.REASONS`.
        """
        kind = frame.kind
        if kind not in {"zmq", "fedmsg"}:
            return
        now = _EPOCH + timedelta(microseconds=frame.arrived)
        reason = self._check_bus(frame, now) if kind == "zmq" else self._check_file(frame, now)
        if reason is not None:
            raise MessageError(reason, REASONS[reason])

    def _check_bus(self, frame: Frame, now: datetime) -> str | None:
        return check(frame.topic, frame.body, self.trust, now=now)

    def _check_file(self, frame: Frame, now: datetime) -> str | None:
        parsed = parse(None, frame.body)
        if isinstance(parsed, str):
            return parsed
        reason = verify(_as_signed(parsed.message), self.trust, now, plain=parsed.plain)
        return reason or ("not-signed-so" if _has_unsigned_parts(parsed.message) else None)


def _has_unsigned_parts(message: Mapping[str, Any]) -> bool:
    """Whether a row of `/raw` adds people, a body or a time that are not signed.

    An envelope that is not a row is signed completely. The service adds null headers to a signed
    message, or headers that only repeat the time.
    """
    if not _ROW & message.keys():
        return False
    headers = message.get("headers") or {}
    if not isinstance(headers, dict) or any(message.get(key) is not None for key in _UNSIGNED):
        return True
    if headers.keys() - {"sent-at"}:
        return True
    return bool(headers) and micros(headers["sent-at"]) != micros(message.get("timestamp"))


def _as_signed(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Restore a row of `/raw` as its publisher signed it; return anything else unchanged.

    The service stores whole seconds as a float, but fedmsg signs an integer.
    """
    if not _ROW & message.keys():
        return message
    signed = {key: message[key] for key in _ENVELOPE if key in message}
    time = message.get("timestamp")
    if isinstance(time, float) and time.is_integer():
        time = int(time)
    return signed | {"timestamp": time}
