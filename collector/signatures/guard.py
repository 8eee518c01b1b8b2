"""Who may be believed, for the frames of a source: signatures before anything is understood.

Comes in: frames, and a `Trust`. Goes out: nothing, or a MessageError with one of
`signatures.REASONS`. Which sources bear signatures is known here and nowhere else:

| source | what is checked |
| --- | --- |
| `zmq` | both frames, as they came |
| `fedmsg` (a file) | an envelope as it stands; a row of `/raw` as its publisher signed it |
| `history`, `amqp`, `jsonl` | nothing: HTTPS, TLS, or the user vouches for them |

A row of history is what a service made of a message: it holds as the publisher signed it only where
the service changed nothing that was signed, and rows of `/v2/search` bear no signature at all. A
gatherer therefore believes the service that it asks; only a file may be checked more strictly.
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
#: What fedmsg signs, and the two that it adds; history adds columns of its own.
_ENVELOPE = ("i", "msg", "msg_id", "topic", "username", "crypto", "signature", "certificate")
_ROW = frozenset(("source_name", "source_version", "headers"))
#: What `decode` reads of a row beside the envelope, and who signed nothing of it.
_ADDED = ("meta", "body", "id")


class TrustFiles(msgspec.Struct, frozen=True):
    """Where a `Trust` is: paths, and whether topics without a policy are refused."""

    ca: str
    crl: str | None = None
    policy: str | None = None
    nitpicky: bool = False

    def load(self) -> Trust:
        """Read the files as they are now.

        Raises:
            UsageError: a file cannot be read, or is not what it should be.
        """
        crl, policy = (one and Path(one) for one in (self.crl, self.policy))
        return load_trust(Path(self.ca), crl or None, policy or None, nitpicky=self.nitpicky)


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets believed frames pass.

    Args:
        trust: whom to believe.
    """

    trust: Trust

    def check(self, frame: Frame) -> None:
        """Return if the frame may be believed.

        Certificates are judged at the time at which the frame arrived: a letter that is read again
        later is not worse for that.

        Raises:
            MessageError: with one of `signatures.REASONS`.
        """
        kind = frame.kind
        if kind not in {"zmq", "fedmsg"}:
            return
        now = _EPOCH + timedelta(microseconds=frame.arrived)
        reason = self._of_bus(frame, now) if kind == "zmq" else self._of_file(frame, now)
        if reason is not None:
            raise MessageError(reason, REASONS[reason])

    def _of_bus(self, frame: Frame, now: datetime) -> str | None:
        return check(frame.topic, frame.body, self.trust, now=now)

    def _of_file(self, frame: Frame, now: datetime) -> str | None:
        found = parse(None, frame.body)
        if isinstance(found, str):
            return found
        reason = verify(_as_signed(found.message), self.trust, now, plain=found.plain)
        return reason or ("not-signed-so" if _says_more(found.message) else None)


def _says_more(message: Mapping[str, Any]) -> bool:
    """Whether a row of `/raw` would name people, or a time, that nobody signed.

    Of an envelope that is no row everything is signed. The service gives a signed message null
    headers, or the time once more.
    """
    if not _ROW & message.keys():
        return False
    headers = message.get("headers") or {}
    if not isinstance(headers, dict) or any(message.get(key) is not None for key in _ADDED):
        return True
    if headers.keys() - {"sent-at"}:
        return True
    return bool(headers) and micros(headers["sent-at"]) != micros(message.get("timestamp"))


def _as_signed(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of `/raw` as its publisher signed it; anything else as it is.

    The service keeps whole seconds as a float; fedmsg signs an integer.
    """
    if not _ROW & message.keys():
        return message
    signed = {key: message[key] for key in _ENVELOPE if key in message}
    time = message.get("timestamp")
    whole = isinstance(time, float) and time.is_integer()
    return signed | {"timestamp": int(time) if whole and time is not None else time}
