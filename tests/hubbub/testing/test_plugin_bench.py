"""The bench for testing plugins."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.errors import HubbubError, UsageError
from hubbub.registry import REGISTRY
from hubbub.testing import Bench, run

PLUGIN = '''
from hubbub import cron, event_handler, event_property, query, view

calls = 0

@query
def thanks(events):
    """Events per user."""
    return events.unnest_users().group_by("user").agg(n=lambda t: t.count()).order_by("user")

@query
def seen(db):
    return dict(db["seen"].items())

@query
def called(clock, name="x"):
    global calls
    calls += 1
    return [calls, name, clock().isoformat()]

@view
def page(query):
    return f"<b>{query.called()[0]}</b>"

@event_property
def who(event):
    return event.get("user")

@event_handler
def count(db, state, events):
    for event in events:
        db["seen"][event.who or "none"] = db["seen"].get(event.who or "none", 0) + 1
        if event.get("fail"):
            raise ValueError("told to")
    state.set("batches", [*state.get("batches", []), len(events)])

@cron("1h")
def tally(query, db, clock, repeat: int = 1):
    db["tally"][clock().isoformat()] = repeat
    return repeat
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    file = tmp_path / "thanks.py"
    file.write_text(PLUGIN)
    return file


@pytest.fixture
def bench(plugin: Path) -> Iterator[Bench]:
    events = [{"topic": "chat.thanks", "user": "ann"}, {"topic": "chat.thanks", "user": "bob"}]
    with run(plugins=plugin, events=events, now=datetime(2026, 1, 5, 12, tzinfo=UTC)) as opened:
        yield opened


def test_queries_and_views(bench: Bench) -> None:
    assert bench.query.thanks().data == [{"user": "ann", "n": 1}, {"user": "bob", "n": 1}]
    assert bench.query.volume(per="day").data
    assert bench.query.called() == [1, "x", "2026-01-05T12:00:00+00:00"]
    assert bench.query.called(name="given")[1] == "given"
    assert bench.view.page() == "<b>3</b>"
    with pytest.raises(AttributeError, match="there is no query 'none'"):
        bench.query.none()


def test_handlers_get_events_once_and_in_batches(bench: Bench) -> None:
    assert bench.query.seen() == {"ann": 1, "bob": 1}
    bench.send({"user": "ann"})
    bench.send([{"user": "ann"}, {}, {"user": "cid"}])
    assert bench.query.seen() == {"ann": 3, "bob": 1, "cid": 1, "none": 1}
    assert bench.state().get("batches") == [2, 1, 3]
    assert dict(bench.db("seen")) == bench.query.seen()
    assert {row["user"] for row in bench.query.thanks().data} == {"ann", "bob", "cid"}


def test_a_handler_that_fails_keeps_nothing(bench: Bench) -> None:
    with pytest.raises(HubbubError, match="event handler 'count' failed: ValueError: told to"):
        bench.send([{"user": "ann"}, {"user": "bob", "fail": True}])
    assert bench.query.seen() == {"ann": 1, "bob": 1}
    assert bench.query.thanks().data == [{"user": "ann", "n": 2}, {"user": "bob", "n": 2}]


def test_jobs_and_the_clock(bench: Bench) -> None:
    assert bench.job("tally", repeat=3) == 3
    bench.now = datetime(2026, 1, 5, 13, tzinfo=UTC)
    assert bench.job("tally") == 1
    assert dict(bench.db("tally")) == {
        "2026-01-05T12:00:00+00:00": 3, "2026-01-05T13:00:00+00:00": 1,
    }  # fmt: skip
    assert bench.query.called()[2] == "2026-01-05T13:00:00+00:00"
    bench.now += timedelta(days=1)
    bench.send({"topic": "late", "user": "ann"})
    assert [row["user"] for row in bench.query.thanks(since="1h").data] == ["ann"]
    with pytest.raises(UsageError, match="there is no job 'none'"):
        bench.job("none")
    with pytest.raises(UsageError, match="repeat"):
        bench.job("tally", repeat="many")


def test_times_of_events(plugin: Path) -> None:
    event = {"topic": "a.b", "users": ["ann"], "timestamp": "2026-01-01T10:00:00Z"}
    with run(plugins=plugin, events=event, now=datetime(2026, 2, 1, tzinfo=UTC)) as bench:
        assert bench.query.thanks(since="2026-01-01", until="2026-01-02").data
        assert not bench.query.thanks(since="2026-01-02", until="2026-02-01").data


def test_every_bench_begins_anew(plugin: Path) -> None:
    before = {kind: dict(REGISTRY.of(kind)) for kind in ("query", "view", "cron")}
    for _ in range(2):
        with run(plugins=[plugin]) as bench:
            assert bench.query.called()[0] == 1
            assert bench.query.seen() == {}
    assert {kind: dict(REGISTRY.of(kind)) for kind in before} == before


def test_a_module_is_used_as_it_was_imported(
    plugin: Path, monkeypatch: pytest.MonkeyPatch, registry: None
) -> None:
    monkeypatch.syspath_prepend(plugin.parent)
    try:
        for plugins in ("thanks", ["thanks"]):
            with run(plugins=plugins, events={"user": "ann"}) as bench:
                assert bench.query.seen() == {"ann": 1}
        with run(plugins=sys.modules["thanks"]) as bench:
            assert bench.query.called()[1] == "x"
    finally:
        sys.modules.pop("thanks", None)


def test_several_plugins_keep_their_data_apart(plugin: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("from hubbub import query\n@query\ndef put(db):\n    db['seen']['x'] = 1\n")
    with run(plugins=[plugin, other], events={"user": "ann"}) as bench:
        bench.query.put()
        assert dict(bench.db("seen", module="other")) == {"x": 1}
        assert dict(bench.db("seen", module="thanks")) == {"ann": 1}
        with pytest.raises(UsageError, match=r"several plugins are loaded\n.*other, thanks"):
            bench.db("seen")
        with pytest.raises(UsageError, match="no plugin 'none' is loaded"):
            bench.db("seen", module="none")


def test_mistakes(tmp_path: Path, plugin: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"), run(plugins=tmp_path / "none.py"):
        pass
    with pytest.raises(UsageError, match="registers no functions"), run(plugins="json"):
        pass
    with pytest.raises(UsageError, match="a time with a zone"), run(now=datetime(2026, 1, 1)):  # noqa: DTZ001
        pass
    with run(plugins=plugin) as bench, pytest.raises(UsageError, match="is a JSON object"):
        bench.send({"x": object()})
