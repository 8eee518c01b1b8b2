"""Bodies of the simulated bus, shaped like the real ones, one function per family of topics.

The people rules find exactly the users and objects of a `Body` in it (tests hold that), and
`place[key]` is where text of any length may stand.
"""

from __future__ import annotations

from collections.abc import Callable

from hubbub.testing import community, packaging
from hubbub.testing.cast import Body, Cast

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
    "git": packaging.git,
    "build": packaging.build,
    "task": packaging.task,
    "tag": packaging.tag,
    "sign": packaging.sign,
    "repo": packaging.repo,
    "listing": packaging.listing,
    "request": packaging.request,
    "override": packaging.override,
    "comment": packaging.comment,
    "copr": packaging.copr,
    "ci": packaging.ci,
    "koschei": packaging.koschei,
    "greenwave": packaging.greenwave,
    "result": packaging.result,
    "pagure": community.pagure,
    "wiki": community.wiki,
    "badge": community.badge,
    "rank": community.rank,
    "planet": community.planet,
    "askbot": community.askbot,
    "fas": community.fas,
    "fedocal": community.fedocal,
    "ansible": community.ansible,
    "nuancier": community.nuancier,
    "github": community.github,
    "forum": community.forum,
    "waiver": community.waiver,
    "infragit": community.infragit,
    "trac": community.trac,
    "karma": community.karma,
    "meeting": community.meeting,
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
