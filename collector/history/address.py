"""Addresses of a history service: what is valid, where redirects may lead, what may be shown."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

__all__ = ["origin", "reason", "redacted", "redirect_target"]

_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a URL; None if it is not a valid HTTP(S) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # brackets without an address, a port that is not a number
        return None
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or not host.isprintable() or " " in host:
        return None
    return parts.scheme, host, port or _PORTS[parts.scheme]


def redirect_target(url: str, location: str) -> str | None:
    """Return the target of a redirect within the same service; None for any other.

    Another host or port is another service, which must not receive credentials and queries. The one
    exception is the common redirect from HTTP to HTTPS of the same host.
    """
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    old, new = origin(url), origin(target)
    if old is None or new is None or "@" in urlsplit(target).netloc:
        return None
    _, host, _ = old
    upgraded = (old, new) == (("http", host, 80), ("https", host, 443))
    return target if new == old or upgraded else None


def redacted(url: str) -> str:
    """Return the URL without credentials and query; as much of it as can be parsed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def reason(error: BaseException) -> str:
    """Return the message of the innermost wrapped error; the outer ones repeat the whole URL."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    cause = getattr(inner, "reason", None)
    if isinstance(cause, BaseException):
        return reason(cause)
    text = " ".join(str(inner).split()) or type(inner).__name__
    return re.sub(r"^(<[^>]*object at 0x[^>]*>|\w+\(host=.*?\)): ", "", text)
