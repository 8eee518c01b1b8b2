"""Functions that make message bodies shaped like the real ones, one per family of topics.

The people rules extract from each body exactly the users and objects that went into it; tests
verify that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hubbub.testing.simulator import bodies_community, bodies_packaging
from hubbub.testing.simulator.message import Body, Context

__all__ = ["BUILDERS", "broken", "unknown"]

_encode = msgspec.json.encode


def plain(c: Context) -> Body:
    """A machine's report without users."""
    body = {"id": c.number % 900_000, "log": "", "name": "rawhide", "status": c.action}
    return Body(body, body, "log")


def unknown(c: Context) -> Body:
    """A body that no people rule covers, without users."""
    body = {"flavour": c.number % 7, "nested": {"list": [1, None, {"deep": True}]}, "note": ""}
    return Body(body, body, "note")


def broken(number: int, topic: str, body: dict[str, Any], msg_id: str, time: int) -> bytes:
    """Return a body that cannot be decoded as a message, in one of six ways."""
    envelope = {"i": 1, "msg": body, "msg_id": msg_id, "timestamp": time, "topic": topic}
    match number % 6:
        case 0:
            return _encode(envelope)[:-20]
        case 1:
            return b"null"
        case 2:
            del envelope["msg_id"]
        case 3:
            envelope["timestamp"] = "soon"
        case 4:
            return b"\xff\xfe" + _encode(envelope)
        case _:
            return _encode([envelope])
    return _encode(envelope)


#: The function that makes the bodies of each family of topics.
BUILDERS: dict[str, Callable[[Context], Body]] = {
    "git": bodies_packaging.git,
    "build": bodies_packaging.build,
    "task": bodies_packaging.task,
    "tag": bodies_packaging.tag,
    "sign": bodies_packaging.sign,
    "repo": bodies_packaging.repo,
    "listing": bodies_packaging.listing,
    "request": bodies_packaging.request,
    "override": bodies_packaging.override,
    "comment": bodies_packaging.comment,
    "copr": bodies_packaging.copr,
    "ci": bodies_packaging.ci,
    "koschei": bodies_packaging.koschei,
    "greenwave": bodies_packaging.greenwave,
    "result": bodies_packaging.result,
    "pagure": bodies_community.pagure,
    "wiki": bodies_community.wiki,
    "badge": bodies_community.badge,
    "rank": bodies_community.rank,
    "planet": bodies_community.planet,
    "askbot": bodies_community.askbot,
    "fas": bodies_community.fas,
    "fedocal": bodies_community.fedocal,
    "ansible": bodies_community.ansible,
    "nuancier": bodies_community.nuancier,
    "github": bodies_community.github,
    "forum": bodies_community.forum,
    "waiver": bodies_community.waiver,
    "infragit": bodies_community.infragit,
    "trac": bodies_community.trac,
    "karma": bodies_community.karma,
    "meeting": bodies_community.meeting,
}
BUILDERS |= dict.fromkeys(
    (
        "mdapi",
        "fedimg",
        "autocloud",
        "mirrors",
        "jenkins",
        "pungi",
        "compose",
        "pdc",
        "zanata",
        "releng",
        "datanommer",
    ),
    plain,
)
