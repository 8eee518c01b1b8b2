"""Parse access logs written as JSON objects, one a line: Caddy, Traefik, nginx with `escape=json`.

There is no standard: Caddy's and Traefik's names are fixed, those of nginx and Apache are chosen in
their configuration. So each field is searched under the names that are usual (`_NAMES`), however
they are spelled: `remote_addr`, `remoteAddr`, `Remote-Addr`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hubbub.collector.decode.logs.log_names import unescaped

__all__ = ["fields"]

#: Field → names under which it is found, in small letters; the first that is there counts.
_NAMES = {
    "host": ("clientip", "remoteip", "remoteaddr", "remotehost", "clienthost", "clientaddr",
             "remoteaddress", "clientaddress", "client", "ip", "sourceip", "realip",
             "httpxforwardedfor", "xforwardedfor", "host"),
    "user": ("userid", "remoteuser", "clientusername", "authuser", "auth", "username", "user"),
    "time": ("ts", "timelocal", "timeiso8601", "startutc", "msec", "timestamp", "time", "datetime",
             "date"),
    "request": ("request", "requestline"),
    "method": ("method", "requestmethod", "httpmethod", "verb"),
    "target": ("uri", "requesturi", "requestpath", "requesturl", "path", "url"),
    "protocol": ("proto", "serverprotocol", "requestprotocol", "protocol"),
    "status": ("status", "downstreamstatus", "statuscode", "responsestatus", "responsecode",
               "response"),
    "size": ("size", "bodybytessent", "bytessent", "downstreamcontentsize", "responsesize",
             "bytesout", "bytes"),
}  # fmt: skip
#: Names of objects within the line that have fields of it.
_WITHIN = ("request", "httprequest", "nginx", "access", "http")
_SEPARATORS = re.compile(r"[\W_]+")
#: What nginx writes without `escape=json`, which is no JSON; an escaped backslash is passed over.
_ESCAPED = re.compile(r"\\\\|(?:\\x[0-9A-Fa-f]{2})+")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def fields(text: str) -> dict[str, str]:
    """Return the fields of a line: `host user time request status size`, as far as it has them.

    Raises:
        ValueError: not a JSON object.
    """
    try:
        line = _by_name(_decode(_ESCAPED.sub(_as_json, text) if r"\x" in text else text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {str(error)[:200]}") from None
    places = [line, *(_by_name(line[name]) for name in _WITHIN if isinstance(line.get(name), dict))]
    found = {}
    for field, names in _NAMES.items():
        for value in (place.get(name) for name in names for place in places):
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                found[field] = _text(value)
                break
    request, method = found.get("request"), found.get("method")
    if request is None and "target" in found:
        request = f"{found['target']} {found.get('protocol', '')}".rstrip()
        method = method or "-"
    if request is not None:
        # beside a method, `request` is the target alone
        alone = method is not None and not request.startswith(f"{method} ")
        found["request"] = f"{method} {request}" if alone and request else request
    return found


def _by_name(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its names in small letters and without separators."""
    named: dict[str, Any] = {}
    for name, value in line.items():
        named.setdefault(_SEPARATORS.sub("", name).lower(), value)
    return named


def _text(value: str | float) -> str:
    """Return a value as text; whole numbers without a fraction."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**63
    return str(int(value) if whole else value)


def _as_json(match: re.Match[str]) -> str:
    """Return the escapes of octets as JSON has them."""
    text = match[0]
    return text if text == r"\\" else msgspec.json.encode(unescaped(text)).decode()[1:-1]
