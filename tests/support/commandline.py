"""Results of command lines, and the events of the small store that their tests use."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

HOSTILE = "=cmd|'\u202e[bold]<b>&\u009b31m"

LINES = [
    {"id": "e1", "timestamp": 1767261600, "users": ["alice", "bob"], "agent": "alice",
     "topic": "org.fedoraproject.prod.git.receive", "objects": ["kernel"], "action": "push"},
    {"id": "e2", "timestamp": 1767265200, "users": ["alice"], "agent": "alice",
     "topic": "org.fedoraproject.prod.bodhi.update.comment", "objects": ["vim"]},
    {"id": "e3", "timestamp": 1767348000, "users": ["releng"], "agent": "releng",
     "topic": "org.fedoraproject.prod.buildsys.tag", "objects": ["kernel"], "size": 700},
    {"id": "e4", "timestamp": 1767351600, "users": [HOSTILE], "agent": "bob",
     "topic": "org.fedoraproject.prod.bodhi.update.comment"},
    {"id": "e5", "timestamp": 1767434400, "users": [],
     "topic": "org.fedoraproject.prod.git.receive"},
]  # fmt: skip
#: 2026-01-01T10:00Z … 2026-01-03T10:00Z
SINCE, UNTIL = "2026-01-01", "2026-01-04"


class CommandResult(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., CommandResult]
