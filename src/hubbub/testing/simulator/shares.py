"""The strata of the traffic model: shares of messages by kind, family and number of users.

The totals are those of Fedora's bus; how they divide into families is assumed.
The number of messages of a stratum up to any time is computed without generating them, and so is
each publisher's counter `i`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hubbub.testing.simulator.names import ROBOTS

__all__ = ["ONCE_PER_DAY", "SLOTS", "STRATA", "Stratum"]

#: Regular contributors at any time. Their tenure is 2 to 5 years, so 30 % change in a year.
#: SLOTS and ONCE_PER_DAY solve: 800 people are seen in 90 days, and 40 % of the u people seen in a
#: year are seen once.  u = 1.3·SLOTS + 365·ONCE_PER_DAY,  365·ONCE_PER_DAY = 0.4·u,
#: 1.075·SLOTS + 90·ONCE_PER_DAY = 800.
SLOTS = 619
#: Visitors a day, each of whom is seen once.
ONCE_PER_DAY = 1.47


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of the traffic.

    Attributes:
        kind: `noise`, `robot`, `people`, `once`, `unknown`, `broken` or `hostile`.
        family: family of topics; `tail` for topics that contain a package's name.
        users: number of users that a message names; 3 means three or more.
        share: share of all messages; for `once`, messages per day at any rate.
        publisher: system user of the publishing process.
        robot: the agent, if it is a machine.
    """

    kind: str
    family: str
    users: int
    share: float
    publisher: str
    robot: str = ""

    @property
    def human(self) -> bool:
        """Whether the stratum follows people's days and weeks."""
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

_ABNORMAL = {
    ("unknown", "unknown"): 0.005,
    ("broken", "broken"): 0.0049,
    ("hostile", "git"): 0.0001,
}
_NOISE = 0.89  # 90 % on the real bus; the abnormal 1 % is taken from it
_PEOPLE = 0.10
_ROBOT_PART = 0.2  # of the noise; the rest names no users
_BY_USERS = {1: 0.70, 2: 0.25, 3: 0.05}

_WITHOUT_USER = {
    "sign": 20, "koschei": 12, "repo": 12, "greenwave": 9, "result": 9, "listing": 6, "pdc": 6,
    "forum": 5, "compose": 4, "pungi": 4, "autocloud": 3, "jenkins": 3, "fedimg": 2, "mirrors": 2,
    "mdapi": 1, "meeting": 0.5, "zanata": 1, "releng": 0.5, "datanommer": 0.5,
}  # fmt: skip
_BY_ROBOT = {
    ("koschei", "build"): 18, ("koschei", "task"): 16, ("releng", "build"): 9, ("releng", "tag"): 8,
    ("releng", "tail"): 5, ("bodhi", "tag"): 10, ("bodhi", "comment"): 6, ("packit", "copr"): 8,
    ("packit", "pagure"): 5, ("zuul", "pagure"): 4, ("pagure", "pagure"): 2, ("taskotron", "ci"): 4,
    ("upstream-release-monitoring", "git"): 2, ("packagerbot", "git"): 2, ("abrt-bot", "pagure"): 1,
}  # fmt: skip
_BY_PEOPLE: Mapping[int, Mapping[str, float]] = {
    1: {
        "git": 24, "tail": 12, "build": 10, "copr": 9, "pagure": 12, "task": 8, "request": 6,
        "wiki": 4, "badge": 3, "askbot": 2, "override": 1.5, "github": 1.5, "rank": 1,
        "fas": 1, "fedocal": 0.8, "planet": 0.7, "ansible": 0.6, "trac": 0.5, "infragit": 0.4,
        "waiver": 0.3, "nuancier": 0.2,
    },
    2: {"tag": 40, "comment": 32, "copr": 14, "fas": 6, "karma": 6, "trac": 2},
    3: {"comment": 75, "askbot": 15, "trac": 10},
}  # fmt: skip


def _scaled(shares: Mapping[str, float], total: float) -> dict[str, float]:
    current = sum(shares.values())
    return {name: total * share / current for name, share in shares.items()}


def _strata() -> tuple[Stratum, ...]:
    def publisher(family: str) -> str:
        return _PUBLISHERS.get(family, "apache")

    strata = [Stratum("once", "git", 1, ONCE_PER_DAY, publisher("git"))]
    for (kind, family), share in _ABNORMAL.items():
        user = "nobody" if kind == "broken" else publisher(family)
        strata.append(Stratum(kind, family, int(kind == "hostile"), share, user))
    for family, share in _scaled(_WITHOUT_USER, _NOISE * (1 - _ROBOT_PART)).items():
        strata.append(Stratum("noise", family, 0, share, publisher(family)))
    weight = _NOISE * _ROBOT_PART / sum(_BY_ROBOT.values())
    for (robot, family), part in _BY_ROBOT.items():
        assert robot in ROBOTS
        strata.append(Stratum("robot", family, 1, part * weight, publisher(family), robot))
    for users, families in _BY_PEOPLE.items():
        for family, share in _scaled(families, _PEOPLE * _BY_USERS[users]).items():
            strata.append(Stratum("people", family, users, share, publisher(family)))
    return tuple(strata)


#: All strata, in a fixed order on which the random numbers depend.
STRATA = _strata()
