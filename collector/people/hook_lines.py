"""Deliveries of webhooks as lines of a file, for `hubbub people` and for trying rules.

    {"hook": "builds", "event": "done", "payload": {…}}
    {"guid": "…", "event": "issues", "request": {"headers": {…}, "payload": {…}}}

The first form has the name of the hook; `kind`, `action` and `id` may be added. The second is what
GitHub's API prints of a delivery.
"""

from __future__ import annotations

import json
from typing import Any

from hubbub.collector.decode.deliveries import HOOK, Delivery, pack
from hubbub.collector.event import Frame

__all__ = ["frame_of_line"]

_KINDS = ("github", "gitlab", "forgejo", "discourse")


def frame_of_line(value: dict[str, Any]) -> Frame | None:
    """Return the frame of a delivery that arrived in 1970; None if the object is none."""
    request = value.get("request")
    if isinstance(request, dict):
        name, payload, kind, id_ = "github", request.get("payload"), "github", value.get("guid")
    else:
        name, payload = _text(value.get("hook")), value.get("payload")
        kind = _text(value.get("kind")) or (name if name in _KINDS else "generic")
        id_ = value.get("id")
    if not name or not isinstance(payload, dict):
        return None
    what = Delivery(kind, _text(value.get("event")), _text(value.get("action")), _text(id_))
    return Frame(f"{HOOK}:{name}", 0, pack(what), json.dumps(payload).encode())


def _text(value: Any) -> str:
    """Return a text that UTF-8 can hold; "" if the value is none."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
