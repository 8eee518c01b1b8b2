"""What pictures and tables say is recomputed from the messages of random stores.

The recomputation in tests/property/titles shares no arithmetic with hubbub: it counts a list of
messages in plain Python, and gives the one title, subtitle, note on programs, badge and source line
that a view may have. HUBBUB_TITLES sets the number of stores (before a release 2,000). The seeds
are 0, 1, 2, …: HUBBUB_TITLES_FIRST=<seed> begins with another one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.report.selection import builtin
from hubbub.collector.event import Frame
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.store.query import identity
from hubbub.times import to_micros
from tests.property.titles import (
    activity,
    evenness,
    objects,
    overload,
    people,
    sentences,
    tables,
    time,
)
from tests.property.titles.worlds import DAY, KINDS, Message, World, world
from tests.support.stores.filling import put

load_builtins()
STORES = int(os.environ.get("HUBBUB_TITLES", "14"))
FIRST = int(os.environ.get("HUBBUB_TITLES_FIRST", "0"))
#: Each store is asked for every third view; after three stores of a kind all were drawn of it.
TURNS = 3
VIEWS = (
    *(evenness.Tail, evenness.Lorenz, evenness.LongTail, activity.Radar, activity.Volume),
    *(activity.WeeklyDiff, activity.DailyDiff, people.DailyUsers, people.ActiveUsers),
    *(people.Cohorts, people.Returning, overload.Overload, objects.Heatmap, objects.ObjectsPerUser),
    *(objects.UsersPerObject, time.Alerts, time.Traffic, time.Coverage),
)
TABLES = (*sentences.CHECKS, *tables.CHECKS)


def test_every_built_in_view_is_recomputed() -> None:
    assert sorted(expected.name for expected in VIEWS) == sorted(builtin(REGISTRY))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + STORES))
def test_titles_are_true(tmp_path: Path, seed: int) -> None:
    drawn = world(seed)
    with Store.open(tmp_path / "store") as store:
        fill(store, drawn)
        now = drawn.range[1] + DAY
        runner = Runner(store, common=CommonOptions(), clock=lambda: now)
        turn = (seed % len(KINDS) + seed // len(KINDS)) % TURNS
        for expected in VIEWS[turn::TURNS]:
            expected(drawn).check(runner, drawn)
        for check in TABLES[turn::TURNS]:
            check(runner, drawn)


def fill(store: Store, drawn: World) -> None:
    """Store the messages, the ledger and the merges of a world."""
    frames = [
        Frame("jsonl:t", to_micros(m.time), b"", json.dumps(line(m, n)).encode(), n)
        for n, m in enumerate(drawn.messages)
    ]
    if frames:
        put(store, *frames, load=True)
    for span in drawn.spans:
        ends = to_micros(span.start), to_micros(span.end)
        store.state.span(span.source, "", *ends, span.state, "as drawn")
    for account, person in drawn.merged.items():
        identity.merge(store.state, account, person, who="test", why="as drawn", time=1)


def line(message: Message, n: int) -> dict[str, Any]:
    return {
        "id": f"m{n}",
        "timestamp": message.time.timestamp(),
        "topic": message.topic,
        "users": message.users,
        "objects": message.objects,
    }
