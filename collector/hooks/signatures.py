"""Check who sent a webhook, over the bytes of the body as they came.

| kind | header | value |
| --- | --- | --- |
| github | `X-Hub-Signature-256` | `sha256=` and the HMAC-SHA256 of the body in hex |
| forgejo | `X-Forgejo-Signature`, else `X-Gitea-Signature` | the same HMAC in hex |
| discourse | `X-Discourse-Event-Signature` | as GitHub |
| gitlab | `webhook-signature` | `v1,` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY` in base64 |
| gitlab, older | `X-Gitlab-Token` | the secret token itself |
| generic | `webhook-signature` | as GitLab |
| generic, otherwise | the configured one | as GitHub, with or without `sha256=` |

ID and TIMESTAMP are in the headers `webhook-id` and `webhook-timestamp`.

The form with a timestamp is that of Standard Webhooks: a secret `whsec_…` is base64 of the key, and
several signatures may be given, one of which must fit. Old deliveries cannot be sent again by
others: the timestamp must be within `TOLERANCE` of our clock. The other forms have no timestamp;
there a repeated delivery has the same id, and counts once.

All comparisons take the same time whatever differs. Nothing here writes a secret anywhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

__all__ = ["KINDS", "SIGNATURE_HEADER", "TOLERANCE", "Kind", "Problem", "problem", "signing_key"]

Kind = Literal["github", "gitlab", "forgejo", "discourse", "generic"]
KINDS: tuple[Kind, ...] = get_args(Kind)

TOLERANCE = 300.0  # seconds between the timestamp of a signed delivery and our clock
#: Header of a `generic` sender's signature, unless configured otherwise.
SIGNATURE_HEADER = "X-Hub-Signature-256"

_STANDARD_PREFIX = "whsec_"
_MOST_SIGNATURES = 16  # in one header; a sender that changes its key sends two
_LONGEST = 4_096  # characters of a header with signatures or of an id
_HEX = {
    "github": ("x-hub-signature-256",),
    "forgejo": ("x-forgejo-signature", "x-gitea-signature"),
    "discourse": ("x-discourse-event-signature",),
}
#: Senders that write `sha256=` before the hex; the others write bare hex.
_PREFIXED = frozenset(("github", "discourse"))
_SHA256 = "sha256="

#: Why a delivery is refused: no signature, one that does not fit, or one of another time.
Problem = Literal["missing-signature", "bad-signature", "stale-signature"]


def problem(
    kind: Kind,
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    *,
    header: str = SIGNATURE_HEADER,
) -> Problem | None:
    """Return why a delivery is not from who knows a secret; None if it is.

    Args:
        kind: of the sender.
        secrets: of the hook; more than one while it is being changed.
        headers: of the request, names in lower case.
        body: as received.
        now: seconds since the epoch.
        header: of a generic sender's signature.
    """
    if kind in {"gitlab", "generic"} and "webhook-signature" in headers:
        return _standard(secrets, headers, body, now)
    if kind == "gitlab":
        return _token(secrets, headers.get("x-gitlab-token"))
    names = _HEX.get(kind, (header.lower(),))
    value = next((headers[name] for name in names if name in headers), None)
    if value is None:
        return "missing-signature"
    if kind in _PREFIXED and not value.startswith(_SHA256):
        return "bad-signature"
    given = value.removeprefix(_SHA256) if kind != "forgejo" else value
    expected = [hmac.digest(secret.encode(), body, "sha256").hex() for secret in secrets]
    return None if _any_equal(given.lower(), expected) else "bad-signature"


def signing_key(secret: str) -> bytes:
    """Return the key of the form with a timestamp: what follows `whsec_` is base64.

    Raises:
        ValueError: it is not.
    """
    if not secret.startswith(_STANDARD_PREFIX):
        return secret.encode()
    text = secret.removeprefix(_STANDARD_PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"what follows {_STANDARD_PREFIX} is not base64: {error}") from None


def _standard(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float
) -> Problem | None:
    id_, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signatures = headers["webhook-signature"]
    if not id_ or not timestamp:
        return "missing-signature"
    if len(id_) > _LONGEST or len(signatures) > _LONGEST or not _is_seconds(timestamp):
        return "bad-signature"
    given = [
        value
        for version, _, value in (part.partition(",") for part in signatures.split(" "))
        if version == "v1"
    ][:_MOST_SIGNATURES]
    signed = f"{id_}.{timestamp}.".encode("latin-1") + body
    expected = [
        base64.b64encode(hmac.digest(signing_key(secret), signed, "sha256")).decode()
        for secret in secrets
    ]
    if not [value for value in given if _any_equal(value, expected)]:
        return "bad-signature"
    return None if abs(now - int(timestamp)) <= TOLERANCE else "stale-signature"


def _is_seconds(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("10000000000")


def _token(secrets: Sequence[str], given: str | None) -> Problem | None:
    """A signing key is never accepted as a token: it does not travel."""
    if given is None:
        return "missing-signature"
    tokens = [secret for secret in secrets if not secret.startswith(_STANDARD_PREFIX)]
    return None if _any_equal(given, tokens) else "bad-signature"


def _any_equal(given: str, expected: Sequence[str]) -> bool:
    """Compare with each of them; neither lengths nor places of differences show in the time."""
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    results = [
        hmac.compare_digest(digest, hashlib.sha256(text.encode()).digest()) for text in expected
    ]
    return any(results)
