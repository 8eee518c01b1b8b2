"""Traffic and alerts against the golden vectors and plain loops."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.analyzers.activity import traffic as module
from hubbub.analyzers.activity.traffic import traffic
from hubbub.analyzers.alerts.threshold import State, alerts, crossings
from hubbub.collector.decode.access_log import section
from hubbub.errors import UsageError
from tests.support import paths

GOLDEN = paths.GOLDEN / "statistician"
START = datetime(2015, 12, 22, 3, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


def cases(folder):
    for path in sorted((GOLDEN / folder).glob("*.json")):
        yield pytest.param(json.loads(path.read_text()), id=path.stem)


def request(text, size, at):
    asked = section(text)
    return {
        "timestamp": at.timestamp(),
        "topic": "http.access",
        "objects": [] if asked is None else [asked],
        "size": size,
        "extra": [("request", text)],
    }


@pytest.mark.parametrize("case", list(cases("display")))
@pytest.mark.parametrize("root", [False, True])
def test_golden_periods(case, root, events):
    first = START.replace(minute=0)
    rows = [
        request(text, size, first + HOUR * number + timedelta(seconds=place))
        for number, requests in enumerate(case["periods"])
        for place, (text, size) in enumerate(requests)
    ]
    found = traffic(events(rows), period=HOUR, root=root)
    expected = case["expected_root" if root else "expected"]
    assert [row.pop("start") for row in found] == [first + HOUR * i for i in range(len(expected))]
    assert found == expected


def test_empty_periods_and_requests_without_a_section(events):
    rows = [
        request("OPTIONS * HTTP/1.1", 5, START),
        {"timestamp": START.timestamp() - 99, "topic": "org.example.prod.git.receive"},
        request("GET /a HTTP/1.1", 7, START + timedelta(seconds=29)),
    ]
    first, empty, last = traffic(events(rows), period=timedelta(seconds=10))
    assert (first["total_hits"], first["without_section"], first["max_section"]) == (1, 1, None)
    assert empty == {
        "start": START + timedelta(seconds=10), "total_hits": 0, "total_bytes": 0,
        "max_section": None, "max_hit": 0, "without_section": 0, "sections": [],
    }  # fmt: skip
    assert (last["total_bytes"], last["sections"]) == (7, [["/a", 1]])


def test_too_many_periods_are_refused(events, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    rows = [request("GET /a", 1, START), request("GET /a", 1, START + timedelta(seconds=3))]
    with pytest.raises(UsageError, match="too many"):
        traffic(events(rows), period=timedelta(seconds=1))
    assert len(traffic(events(rows), period=timedelta(seconds=2))) == 2


@pytest.mark.parametrize("case", list(cases("alerts")))
@pytest.mark.parametrize("measure", ["bytes", "hits"])
def test_golden_alerts(case, measure):
    given = case["params"]
    found = crossings(
        case[measure], short=given["short_median"], long=given["long_median"],
        threshold=given["threshold"], resolution=given["time_resolution"],
    )  # fmt: skip
    expected = case["expected"][measure]
    assert [(c.tick, c.state, c.time) for c in found] == [
        (e["tick"], e["kind"], None) for e in expected
    ]
    names = ("short", "long", "short_rate", "long_rate")
    wanted = ("short_average", "long_average", "short_rate", "long_rate")
    for one, other in zip(found, expected, strict=True):
        assert [getattr(one, name) for name in names] == pytest.approx(
            [other[name] for name in wanted], rel=1e-9, abs=1e-9
        )


@pytest.mark.parametrize("case", json.loads((GOLDEN / "params.json").read_text()))
def test_golden_parameters(case):
    given = {"short": case["short_median"], "long": case["long_median"]}
    values = [1, 1, 1, 5, 5]
    if case["expected"] == "ValueError":
        with pytest.raises(ValueError, match=r"average|threshold"):
            crossings(values, **given, threshold=case["threshold"], resolution=1)
        return
    short, long, threshold = case["expected"]
    found = crossings(values, **given, threshold=case["threshold"], resolution=1)
    assert found == crossings(values, short=short, long=long, threshold=threshold, resolution=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 0},
        {"resolution": -1},
        {"threshold": 1},
        {"threshold": float("nan")},
        {"short": 0.9},
        {"long": float("inf")},
        {"long": 1},
    ],
)
def test_what_a_parameter_must_not_be(wrong):
    with pytest.raises(ValueError, match=r"."):
        crossings([1], **{"short": 1, "long": 2, "threshold": 2, "resolution": 1, **wrong})


def plain(values, s, n, threshold):
    on, found = False, []
    for k in range(s + n + 1, len(values) + 1):
        short = sum(values[k - s : k]) / s
        long = sum(values[k - s - n : k - s]) / n
        if (short > threshold * long) != on:
            on = not on
            found.append((k, "raised" if on else "ended", short, long))
    return found


VALUES = st.lists(st.integers(0, 9), max_size=60)


@given(VALUES, st.integers(1, 4), st.integers(1, 6), st.sampled_from([1.01, 1.5, 3]))
def test_the_same_as_the_definition(values, short, more, threshold):
    given = {"short": short, "long": short + more, "threshold": threshold, "resolution": 1}
    found = crossings(values, **given)
    assert [(c.tick, c.state, c.short, c.long) for c in found] == plain(
        values, short, short + more, threshold
    )
    assert [c.state for c in found] == [State.RAISED, State.ENDED] * (len(found) // 2) + [
        State.RAISED
    ] * (len(found) % 2)
    halves = crossings([value / 2 for value in values], **given)  # scaling changes no tick
    assert [(c.tick, c.state) for c in halves] == [(c.tick, c.state) for c in found]


def test_silence_after_a_large_number_is_no_alert():
    values = [1e16, 0.3] + [0.0] * 30
    assert crossings(values, short=2, long=4, threshold=1.5, resolution=1) == []


def step(measure):
    """One message a tick, then three of 100 bytes each for five ticks."""
    for tick in range(20):
        for place in range(3 if 10 <= tick < 15 else 1):
            yield {
                "timestamp": START.timestamp() + 3 + 10 * tick + place,
                "topic": "x",
                "size": 100 if measure == "bytes" else 0,
            }


@pytest.mark.parametrize("measure", ["messages", "bytes"])
def test_alerts_on_event_time(measure, events):
    table = events(step(measure))
    until = START + timedelta(seconds=195)
    found, _ = alerts(table, until, measure=measure, short=2, long=4)
    factor = 100 if measure == "bytes" else 1
    assert [(row["tick"], row["state"]) for row in found] == [(11, "raised"), (14, "ended")]
    assert found[0]["short"] == 2.0 * factor
    assert found[0]["time"] == START + timedelta(seconds=110)
    assert found[0]["short_rate"] == pytest.approx(2.0 * factor / 10)


def test_alerts_give_both_averages_beside_the_changes(events):
    table = events(step("messages"))
    until = START + timedelta(seconds=195)
    found, beside = alerts(table, until, short=2, long=4, averages=1000)
    points, [peak] = beside["averages"], beside["peaks"]
    assert [p["time"] for p in points] == [START + timedelta(seconds=10 * k) for k in range(2, 21)]
    at = {p["time"]: p for p in points}
    for row in found:
        assert at[row["time"]]["short_rate"] == pytest.approx(row["short_rate"])
        assert at[row["time"]]["long_rate"] == pytest.approx(row["long_rate"])
    assert points[3]["long_rate"] is None is not points[4]["long_rate"]
    while_on = [p for p in points if found[0]["time"] <= p["time"] < found[1]["time"]]
    assert peak == pytest.approx(max(p["short_rate"] / p["long_rate"] for p in while_on))
    assert alerts(table, until, short=2, long=4)[1] == {}


def test_an_alert_ends_in_the_silence_after_the_last_event(events):
    rows = [{"timestamp": START.timestamp() + 10 * t, "topic": "x"} for t in range(8)]
    rows += [{"timestamp": START.timestamp() + 80 + t, "topic": "x"} for t in range(9)]
    for until, states in ((90, ["raised"]), (130, ["raised", "ended"])):
        found, _ = alerts(events(rows), START + timedelta(seconds=until), short=2, long=4)
        assert [row["state"] for row in found] == states


def test_alerts_refuse_what_makes_no_sense(events):
    with pytest.raises(UsageError, match="longer than the short"):
        alerts(events([{"timestamp": START.timestamp(), "topic": "x"}]), START, short=3, long=3)
