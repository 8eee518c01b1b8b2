"""The traffic model's shares: which part of all messages is of which family and names how many.

The figures are the design's ("Traffic model"); how a class divides into families is assumed.
A stratum is a part of the traffic that is counted exactly: the number of its messages up to any
instant is known without looking at any of them, and so is each publisher's counter `i`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hubbub.testing.simulator.names import ROBOTS

__all__ = ["ONCE_PER_DAY", "SLOTS", "STRATA", "Stratum"]

#: Regular contributors at any time. With a tenure of 2 to 5 years (0.3 of them change in a year)
#: and one newcomer in `1 / ONCE_PER_DAY` days who is seen once, 800 people are seen in 90 days and
#: 0.4 of those seen in a year are seen once:  u = 1.3·SLOTS + 365·ONCE_PER_DAY,
#: 365·ONCE_PER_DAY = 0.4·u,  1.075·SLOTS + 90·ONCE_PER_DAY = 800.
SLOTS = 619
ONCE_PER_DAY = 1.47


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of the traffic.

    Attributes:
        kind: `noise`, `robot`, `people`, `once`, `unknown`, `broken` or `hostile`.
        family: family of topics; `tail` for topics that hold a package's name.
        users: how many users a message names; 3 stands for three or more.
        share: part of all messages; for `once` messages a day, whatever the traffic.
        publisher: the publishing process' system user.
        robot: who acts, where a machine does.
    """

    kind: str
    family: str
    users: int
    share: float
    publisher: str
    robot: str = ""

    @property
    def human(self) -> bool:
        """It follows the days and weeks of people."""
        return self.kind in ("people", "once", "hostile")


_PUBLISHERS = {
    "git": "gitolite", "tail": "gitolite", "build": "koji", "task": "koji", "tag": "koji",
    "sign": "koji", "repo": "koji", "listing": "koji", "request": "bodhi", "override": "bodhi",
    "comment": "bodhi", "copr": "copr", "pagure": "pagure", "wiki": "mediawiki", "badge": "badges",
    "rank": "badges", "askbot": "askbot", "karma": "supybot", "meeting": "supybot",
    "forum": "discourse", "ci": "jenkins", "jenkins": "jenkins",
    "pungi": "compose", "compose": "compose", "releng": "compose", "pdc": "pdc",
    "koschei": "koschei", "greenwave": "openshift", "waiver": "openshift", "result": "taskotron",
}  # fmt: skip

_BAD = {("unknown", "unknown"): 0.005, ("broken", "broken"): 0.0049, ("hostile", "git"): 0.0001}
_NOISE = 0.89  # design: 90 %, of which the malformed hundredth is taken here
_PEOPLE = 0.10
_ROBOT_PART = 0.2  # of the noise; the rest names nobody
_USERS = {1: 0.70, 2: 0.25, 3: 0.05}

_WITHOUT_USER = {
    "sign": 20, "koschei": 12, "repo": 12, "greenwave": 9, "result": 9, "listing": 6, "pdc": 6,
    "forum": 5, "compose": 4, "pungi": 4, "autocloud": 3, "jenkins": 3, "fedimg": 2, "mirrors": 2,
    "mdapi": 1, "meeting": 0.5, "zanata": 1, "releng": 0.5, "datanommer": 0.5,
}  # fmt: skip
_OF_ROBOTS = {
    ("koschei", "build"): 18, ("koschei", "task"): 16, ("releng", "build"): 9, ("releng", "tag"): 8,
    ("releng", "tail"): 5, ("bodhi", "tag"): 10, ("bodhi", "comment"): 6, ("packit", "copr"): 8,
    ("packit", "pagure"): 5, ("zuul", "pagure"): 4, ("pagure", "pagure"): 2, ("taskotron", "ci"): 4,
    ("upstream-release-monitoring", "git"): 2, ("packagerbot", "git"): 2, ("abrt-bot", "pagure"): 1,
}  # fmt: skip
_OF_PEOPLE: Mapping[int, Mapping[str, float]] = {
    1: {
        "git": 24, "tail": 12, "build": 10, "copr": 9, "pagure": 12, "task": 8, "request": 6,
        "wiki": 4, "badge": 3, "askbot": 2, "override": 1.5, "github": 1.5, "rank": 1,
        "fas": 1, "fedocal": 0.8, "planet": 0.7, "ansible": 0.6, "trac": 0.5, "infragit": 0.4,
        "waiver": 0.3, "nuancier": 0.2,
    },
    2: {"tag": 40, "comment": 32, "copr": 14, "fas": 6, "karma": 6, "trac": 2},
    3: {"comment": 75, "askbot": 15, "trac": 10},
}  # fmt: skip


def _parts(shares: Mapping[str, float], whole: float) -> dict[str, float]:
    total = sum(shares.values())
    return {name: whole * share / total for name, share in shares.items()}


def _strata() -> tuple[Stratum, ...]:
    def publisher(family: str) -> str:
        return _PUBLISHERS.get(family, "apache")

    found = [Stratum("once", "git", 1, ONCE_PER_DAY, publisher("git"))]
    for (kind, family), share in _BAD.items():
        found.append(
            Stratum(
                kind,
                family,
                int(kind == "hostile"),
                share,
                "nobody" if kind == "broken" else publisher(family),
            )
        )
    for family, share in _parts(_WITHOUT_USER, _NOISE * (1 - _ROBOT_PART)).items():
        found.append(Stratum("noise", family, 0, share, publisher(family)))
    weight = _NOISE * _ROBOT_PART / sum(_OF_ROBOTS.values())
    for (robot, family), part in _OF_ROBOTS.items():
        assert robot in ROBOTS
        found.append(Stratum("robot", family, 1, part * weight, publisher(family), robot))
    for users, families in _OF_PEOPLE.items():
        for family, share in _parts(families, _PEOPLE * _USERS[users]).items():
            found.append(Stratum("people", family, users, share, publisher(family)))
    return tuple(found)


#: All parts of the traffic, in a fixed order.
STRATA = _strata()
