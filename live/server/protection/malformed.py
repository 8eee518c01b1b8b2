"""The answer to bytes that are no request of HTTP, and to what is refused before it is one."""

from __future__ import annotations

import json
import re

import httptools

__all__ = ["HeaderTooLargeError", "refusal"]

_REASON_CHARACTERS = 100
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} \S{1,2000} HTTP/1\.[01]\r?\n")


class HeaderTooLargeError(Exception):
    """A header is larger than the server reads.

    Args:
        most: bytes that it may have.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"the header is larger than {most >> 10} KiB")


def refusal(error: BaseException | None, data: bytes = b"") -> bytes:
    """Return the whole answer, after which the connection is closed: 400, 431 or 501.

    Args:
        error: of the parser, or of what it called.
        data: in which it was found.
    """
    cause = error if isinstance(error, HeaderTooLargeError) else getattr(error, "__context__", None)
    status, code, what = b"400 Bad Request", "bad-request", "this is no request of HTTP/1.1"
    if isinstance(cause, HeaderTooLargeError):
        status, code, what = b"431 Request Header Fields Too Large", "too-large", str(cause)
    elif isinstance(error, httptools.HttpParserInvalidMethodError) and _REQUEST_LINE.match(data):
        status, code, what = b"501 Not Implemented", "not-implemented", "this method is not known"
    elif isinstance(error, httptools.HttpParserCallbackError):
        what = "the address of the request cannot be read"
    elif reason := str(error or "")[:_REASON_CHARACTERS].strip(" .:"):
        what = f"{what}: {reason}"
    body = json.dumps({"error": {"code": code, "message": what, "hint": ""}}).encode()
    fields = (
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"content-security-policy: default-src 'none'; frame-ancestors 'self'",
        b"x-content-type-options: nosniff",
        b"referrer-policy: same-origin",
        b"cache-control: no-store",
        b"connection: close",
    )
    return b"\r\n".join((b"HTTP/1.1 " + status, *fields, b"", body))
