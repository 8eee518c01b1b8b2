"""Errors of the libraries that reach an object store or a mount, without any secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake.exceptions import DeltaError

from hubbub.errors import HubbubError, NoRoomError, SourceError, UsageError

if TYPE_CHECKING:
    from hubbub.store.mirror.place import Place

__all__ = ["ConflictError", "no_bucket", "translated"]


class ConflictError(HubbubError):
    """Somebody else has committed to the table: look at it again, and try again."""

    exit_code = 4


_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_MOST = 400  # characters of an error's text
_MISSING = re.compile(r"NoSuchBucket|NO_SUCH_BUCKET|bucket does not exist", re.IGNORECASE)
_REFUSED = re.compile(
    r"ACCESS_DENIED|AccessDenied|InvalidAccessKeyId|INVALID_ACCESS_KEY_ID|SignatureDoesNotMatch"
    r"|SIGNATURE_DOES_NOT_MATCH|InvalidToken|ExpiredToken|403 Forbidden|HTTP status 40[13]"
    r"|lacked the necessary privileges|HTTP response code 40[13]|Permission denied"
    r"|INVALID_CLIENT_TOKEN_ID|40[13] Unauthorized",
    re.IGNORECASE,
)
_NO_CREDENTIALS = re.compile(
    r"CredentialsNotLoaded|no providers in chain|instance metadata|missing credentials"
    r"|169\.254\.169\.254|security-credentials",
    re.IGNORECASE,
)


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Raise the errors of both libraries within as a `HubbubError`, without any secret.

    Raises:
        UsageError: no permission, or no such bucket.
        NoRoomError: a disk is full.
        SourceError: everything else: the network, the service.
    """
    try:
        yield
    except HubbubError:
        raise
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise _error(place, error) from None  # their own text may quote a request


def _error(place: Place, error: Exception) -> HubbubError:
    text = _clean(str(error))
    if getattr(error, "errno", None) in {28, 122} or "No space left" in text:
        return NoRoomError(
            "the disk is full",
            where=getattr(error, "filename", None) or place.url,
            hint="make room: nothing is lost, and the mirror resumes by itself",
        )
    if _MISSING.search(text):
        return no_bucket(place)
    if _NO_CREDENTIALS.search(text):
        return UsageError(
            "there are no credentials for the object store",
            where=place.url,
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give a role",
        )
    if _REFUSED.search(text):
        return UsageError(
            "the object store refuses access",
            where=place.url,
            hint="check the credentials in the environment, and what they may do there: read,"
            " write, list and delete below this URL",
        )
    return SourceError(
        f"the mirror cannot be reached: {text}",
        where=place.url,
        hint="nothing is lost: what is not copied yet waits in the store",
    )


def no_bucket(place: Place) -> UsageError:
    """Return the error for a bucket that does not exist."""
    bucket = place.root.partition("/")[0]
    return UsageError(
        f"there is no bucket {bucket!r}",
        where=place.url,
        hint="create it, or correct the URL; AWS_ENDPOINT_URL says whose it is",
    )


def _clean(text: str) -> str:
    """Return an error as one line, without credentials of the environment."""
    parts = [part.strip(" \u21b3") for part in _COLOUR.sub("", text).split("\n")]
    line = ": ".join(filter(None, parts))
    for name in _SECRETS:
        if secret := os.environ.get(name):
            line = line.replace(secret, "…")
    line = line if len(line) <= _MOST else f"{line[: _MOST // 2]} … {line[-_MOST // 2 :]}"
    return re.sub(r"(?i)(x-amz-[a-z-]+|signature|credential)=[^&\s]+", r"\1=…", line)
