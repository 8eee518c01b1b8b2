"""Standings against sums over plain lists."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.activity.standings import standings
from tests.support.examples import examples

FRAMES = 4
#: New users by object and frame, of a part; some frames lie outside.
PART = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "é", "z"]), st.sampled_from([-70_000, -1, *range(6)])),
    st.integers(1, 3),
    max_size=12,
)


@settings(max_examples=examples(60))
@given(st.lists(PART, min_size=1, max_size=3), st.integers(1, 5))
def test_the_objects_with_most_users_at_the_end_of_each_frame(
    parts: list[dict[tuple[str, int], int]], top: int
) -> None:
    schema = pa.schema([("object", pa.string()), ("frame", pa.int64()), ("new", pa.int64())])
    tables = (
        pa.Table.from_pylist(
            [{"object": name, "frame": at, "new": new} for (name, at), new in part.items()],
            schema=schema,
        )
        for part in parts
    )
    found = list(standings(tables, FRAMES, top))
    assert len(found) == FRAMES
    users: Counter[str] = Counter()
    since: dict[str, int] = {}
    for frame, standing in enumerate(found):
        for part in parts:
            for (name, at), new in part.items():
                if at == frame:
                    users[name] += new
                    since[name] = frame
        order = sorted(users, key=lambda name: (-users[name], since[name], name))
        assert standing.objects == order[:top]
        assert standing.users == [users[name] for name in order[:top]]
        sizes = {n: len(list(group)) for n, group in groupby(sorted(users.values()))}
        ends = [sizes[standing.users[i]] for i in (0, -1)] if order else [0, 0]
        assert [standing.leading, standing.last] == ends
