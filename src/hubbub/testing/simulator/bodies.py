"""Bodies of the simulated bus, shaped like the real ones, one function per family of topics.

The people rules find exactly the users and objects of a `Body` in it (tests hold that), and
`place[key]` is where text of any length may stand.
"""

from __future__ import annotations

from collections.abc import Callable

from hubbub.testing.simulator import bodies_community, bodies_packaging
from hubbub.testing.simulator.message import Body, Cast

__all__ = ["BUILDERS", "unknown"]


def plain(c: Cast) -> Body:
    """A machine reports; nobody is named."""
    body = {"id": c.number % 900_000, "log": "", "name": "rawhide", "status": c.action}
    return Body(body, body, "log")


def unknown(c: Cast) -> Body:
    """A body that no rule knows; it names nobody."""
    body = {"flavour": c.number % 7, "nested": {"list": [1, None, {"deep": True}]}, "note": ""}
    return Body(body, body, "note")


#: Family of topics → what makes its body.
BUILDERS: dict[str, Callable[[Cast], Body]] = {
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
