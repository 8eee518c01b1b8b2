"""The common filters, and which users count."""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.store import Selection
from hubbub.store.query import engine
from hubbub.store.query import events as events_
from hubbub.store.query.globs import matches, pattern
from hubbub.store.query.selection import BOTS
from hubbub.store.tables.events import Events as Table
from tests.support.examples import examples
from tests.support.stores.filling import MakeEvent

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def backend() -> Iterator[Any]:
    backend = engine.connect()
    yield backend
    backend.disconnect()


@pytest.fixture
def select(backend: Any, tmp_path: Path, event: MakeEvent) -> Callable[..., events_.Events]:
    table = Table(tmp_path / f"events-{tmp_path.name}")
    start = event(0).time
    rows = [
        event(0, id="a", agent="alice", users=("alice", "bob"), objects=("rpms/p", "rpms/q")),
        event(1, id="b", agent="koschei", users=("koschei",), objects=(), action=None),
        event(2, id="c", agent=None, users=(), category="bodhi", topic="x.bodhi.comment"),
        event(
            3, id="d", agent="bob", users=("bob", "kde-sig"), action="tag", time=start + 60 * DAY
        ),
        event(4, id="e", agent="carol", users=("alicia", "carol"), time=start + 60 * DAY + 1),
    ]
    table.append(rows, 1)
    version, files = table.snapshot()

    def select(**filters: Any) -> events_.Events:
        # a distinct version: the backend outlives the table
        return events_.events(backend, hash(tmp_path.name) % 10**9, files, Selection(**filters))

    assert version == 1
    return select


def ids(events: events_.Events) -> str:
    return "".join(sorted(events.select("id").to_pyarrow().column(0).to_pylist()))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "abcde"),
        ({"category": ("git",)}, "abde"),
        ({"category": ("g*", "bo?hi")}, "abcde"),
        ({"topic": ("x.*",)}, "c"),
        ({"topic": ("x",)}, ""),
        ({"user": ("alice",)}, "a"),
        ({"user": ("ali*",)}, "ae"),
        ({"user": ("alice", "carol")}, "ae"),
        ({"user": ("alice", "k[do]*")}, "abd"),
        ({"user": ("alicia",), "by": "agent"}, ""),
        ({"user": ("bob",), "by": "agent"}, "d"),
        ({"user": ("*",), "by": "agent"}, "abde"),
        ({"object": ("rpms/q",)}, "a"),
        ({"object": ("rpms/*",)}, "acde"),
        ({"action": ("tag",)}, "d"),
        ({"action": ("*",)}, "acde"),
        ({"user": ("bob",), "object": ("rpms/q",)}, "a"),
        ({"not_user": ("alice",)}, "abcde"),
        ({"bots": False}, "abcde"),
    ],
)
def test_which_events(
    select: Callable[..., events_.Events], filters: dict[str, Any], expected: str
) -> None:
    assert ids(select(**filters)) == expected
    assert select(**filters).count_events() == len(expected)


def test_a_range_is_half_open(select: Callable[..., events_.Events], event: MakeEvent) -> None:
    first, later = event(0).time, event(0).time + 60 * DAY
    assert ids(select(since=first, until=later)) == "abc"
    assert ids(select(since=first + 1, until=later + 1)) == "bcd"
    assert ids(select(until=first)) == ""
    assert ids(select(since=later + 2)) == ""


def test_only_files_of_the_range_are_read(
    select: Callable[..., events_.Events], event: MakeEvent, tmp_path: Path
) -> None:
    (later,) = tmp_path.rglob("month=2026-03/*.parquet")
    later.write_bytes(b"unreadable")
    assert ids(select(until=event(0).time + DAY)) == "abc"


def users(events: events_.Events) -> list[str]:
    rows = events.unnest_users().select("id", "user").to_pyarrow().to_pylist()
    return sorted(f"{r['id']}:{r['user']}" for r in rows)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "a:alice a:bob b:koschei d:bob d:kde-sig e:alicia e:carol"),
        ({"by": "agent"}, "a:alice b:koschei d:bob e:carol"),
        ({"bots": False}, "a:alice a:bob d:bob e:alicia e:carol"),
        ({"bots": False, "by": "agent"}, "a:alice d:bob e:carol"),
        ({"bots": False, "bot_names": ("bob",)}, "a:alice b:koschei d:kde-sig e:alicia e:carol"),
        ({"not_user": ("ali*",)}, "a:bob b:koschei d:bob d:kde-sig e:carol"),
        ({"not_user": ("bob",), "bots": False}, "a:alice e:alicia e:carol"),
    ],
)
def test_which_users_count(
    select: Callable[..., events_.Events], filters: dict[str, Any], expected: str
) -> None:
    assert users(select(**filters)) == expected.split()


def test_objects(select: Callable[..., events_.Events]) -> None:
    rows = select().unnest_objects().select("id", "object").to_pyarrow().to_pylist()
    assert sorted(f"{r['id']}:{r['object']}" for r in rows) == [
        *("a:rpms/p", "a:rpms/q", "c:rpms/p", "d:rpms/p", "e:rpms/p")
    ]


def test_the_wrapper_is_the_table(select: Callable[..., events_.Events]) -> None:
    events = select(by="agent", not_user=("bob",))
    git = events.filter(events.category == "git").filter(events["seq"] > 0)
    assert isinstance(git, events_.Events)
    assert git.by == "agent"
    assert users(git) == ["b:koschei", "e:carol"], "a filter keeps the selection of users"
    assert events.columns[:2] == ("time", "id")


def test_times_come_back_in_utc(select: Callable[..., events_.Events], event: MakeEvent) -> None:
    oldest = select().time.min().to_pyarrow().as_py()
    assert oldest.isoformat() == "2026-01-15T00:00:00+00:00"


@settings(max_examples=examples(150))
@given(st.text("ab.*?]!-^\\", max_size=6), st.text("ab.*?[]!-^\\", max_size=6))
def test_globs_agree_with_the_shells(glob: str, text: str) -> None:
    import re

    expression = pattern(glob)
    matched = text == glob if expression is None else re.search(expression, text) is not None
    assert matched == fnmatchcase(text, glob)


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("*-sig", "kde-sig", "kde-sigs"),
        ("a.c", "a.c", "abc"),
        ("a?c", "abc", "ac"),
        ("[ab]x", "bx", "cx"),
        ("[!ab]x", "cx", "ax"),
        ("[a-c]x", "bx", "dx"),
        ("a[", "a[", "a"),
        ("a[z-a]*", "a[z-a]b", "az"),
        ("[a^]", "^", "b"),
        ("[^a]", "^", "b"),
        ("*", "", None),
        ("a+(b)*", "a+(b)!", "aab"),
        ("x*y", "x\ny", "xy "),
    ],
)
def test_globs_in_the_engine(backend: Any, glob: str, matching: str, other: str | None) -> None:
    import ibis

    for text, expected in ((matching, True), (other, False)):
        if text is not None:
            assert backend.to_pyarrow(matches(ibis.literal(text), (glob,))).as_py() is expected


def test_a_missing_text_matches_nothing(backend: Any) -> None:
    import ibis

    assert backend.to_pyarrow(matches(ibis.null("string"), ("*", "a"))).as_py() is False


def test_the_built_in_bots() -> None:
    assert "releng" in BOTS
    assert Selection(bots=False).removed == BOTS
    assert Selection(not_user=("x",)).removed == ("x",)


def test_a_view_lasts_as_long_as_an_expression_uses_it(tmp_path: Path, event: MakeEvent) -> None:
    """Views must not accumulate: a service queries every second, and each commit is a snapshot."""
    backend = engine.connect()
    table = Table(tmp_path / "events")

    def views() -> int:
        count = "SELECT count(*) FROM duckdb_views() WHERE NOT internal"
        return int(backend.raw_sql(count).fetchall()[0][0])

    held = None
    for n in range(1, 9):
        version = table.append([event(n)], n)
        snapshot = version, table.files(), Selection()
        events = events_.events(backend, *snapshot)
        assert events.count_events() == n
        assert events_.events(backend, *snapshot).filter(events.table.seq == n).count_events() == 1
        held = events if n == 3 else held
        assert views() <= 3
    assert held is not None
    assert held.count_events() == 3, "an expression may run much later"
    assert events_.events(backend, 0, [], Selection()).count_events() == 0
    backend.disconnect()
