"""Parse access logs written as JSON objects, one a line: Caddy, Traefik, nginx with `escape=json`.

There is no standard: Caddy's and Traefik's names are fixed, those of nginx are chosen in its
configuration. So each field is searched under the names that are usual; `_NAMES` has them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["fields"]

#: Field → names under which it is found, the first that is there counts.
_NAMES = {
    "host": ("client_ip", "remote_ip", "remote_addr", "remote_host", "ClientHost", "client", "ip",
             "clientip", "host"),
    "user": ("user_id", "remote_user", "ClientUsername", "user"),
    "time": ("ts", "time_local", "time_iso8601", "StartUTC", "msec", "@timestamp", "timestamp",
             "time", "date"),
    "request": ("request", "request_line"),
    "method": ("method", "request_method", "RequestMethod", "verb"),
    "target": ("uri", "request_uri", "RequestPath", "path", "url"),
    "protocol": ("proto", "server_protocol", "RequestProtocol", "protocol"),
    "status": ("status", "DownstreamStatus", "status_code", "response"),
    "size": ("size", "body_bytes_sent", "bytes_sent", "DownstreamContentSize", "bytes"),
}  # fmt: skip
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def fields(text: str) -> dict[str, str]:
    """Return the fields of a line: `host user time request status size`, as far as it has them.

    Raises:
        ValueError: not a JSON object.
    """
    try:
        line = _decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {str(error)[:200]}") from None
    places: list[Mapping[str, Any]] = [line]
    if isinstance(line.get("request"), dict):  # Caddy: the request is an object of its own
        places.append(line["request"])
    found = {}
    for name, keys in _NAMES.items():
        for value in (place.get(key) for key in keys for place in places):
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                found[name] = str(value)
                break
    if "request" not in found and "target" in found:
        parts = (found.get("method", "-"), found["target"], found.get("protocol", ""))
        found["request"] = " ".join(parts).rstrip()
    return found
