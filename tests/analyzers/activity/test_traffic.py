"""`traffic` and `alerts` against the golden vectors and plain loops."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.analyzers.activity import traffic as module
from hubbub.analyzers.activity.traffic import traffic
from hubbub.analyzers.alerts.threshold import AlertState, alerts, crossings
from hubbub.collector.decode.logs.access_log import section
from hubbub.errors import UsageError
from tests.support import paths

GOLDEN = paths.GOLDEN / "statistician"
START = datetime(2015, 12, 22, 3, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


def cases(folder):
    for path in sorted((GOLDEN / folder).glob("*.json")):
        yield pytest.param(json.loads(path.read_text()), id=path.stem)


def request(text, size, time):
    name = section(text)
    return {
        "timestamp": time.timestamp(),
        "topic": "http.access",
        "objects": [] if name is None else [name],
        "size": size,
        "extra": [("request", text)],
    }


@pytest.mark.parametrize("case", list(cases("display")))
@pytest.mark.parametrize("root", [False, True])
def test_golden_periods(case, root, events):
    first = START.replace(minute=0)
    rows = [
        request(text, size, first + HOUR * number + timedelta(seconds=second))
        for number, requests in enumerate(case["periods"])
        for second, (text, size) in enumerate(requests)
    ]
    data = traffic(events(rows), period=HOUR, root=root)
    expected = case["expected_root" if root else "expected"]
    assert [row.pop("start") for row in data] == [first + HOUR * i for i in range(len(expected))]
    assert data == expected


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
    monkeypatch.setattr(module, "MAX_PERIODS", 3)
    rows = [request("GET /a", 1, START), request("GET /a", 1, START + timedelta(seconds=3))]
    with pytest.raises(UsageError, match="more than 3"):
        traffic(events(rows), period=timedelta(seconds=1))
    assert len(traffic(events(rows), period=timedelta(seconds=2))) == 2


@pytest.mark.parametrize("case", list(cases("alerts")))
@pytest.mark.parametrize("measure", ["bytes", "hits"])
def test_golden_alerts(case, measure):
    given = case["params"]
    changes = crossings(
        case[measure], short=given["short_median"], long=given["long_median"],
        threshold=given["threshold"], resolution=given["time_resolution"],
    )  # fmt: skip
    expected = case["expected"][measure]
    assert [(c.tick, c.state, c.time) for c in changes] == [
        (e["tick"], e["kind"], None) for e in expected
    ]
    attributes = ("short", "long", "short_rate", "long_rate")
    keys = ("short_average", "long_average", "short_rate", "long_rate")
    for change, golden in zip(changes, expected, strict=True):
        assert [getattr(change, name) for name in attributes] == pytest.approx(
            [golden[key] for key in keys], rel=1e-9, abs=1e-9
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
    changes = crossings(values, **given, threshold=case["threshold"], resolution=1)
    assert changes == crossings(values, short=short, long=long, threshold=threshold, resolution=1)


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
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        crossings([1], **{"short": 1, "long": 2, "threshold": 2, "resolution": 1, **wrong})


def by_definition(values, s, n, threshold):
    on, changes, threshold = False, [], Fraction(str(threshold))
    for k in range(s + n + 1, len(values) + 1):
        short = Fraction(sum(values[k - s : k]), s)
        long = Fraction(sum(values[k - s - n : k - s]), n)
        if (short > threshold * long) != on:
            on = not on
            changes.append((k, "raised" if on else "ended", float(short), float(long)))
    return changes


VALUES = st.lists(st.integers(0, 9), max_size=60)


@given(VALUES, st.integers(1, 4), st.integers(1, 6), st.sampled_from([1.01, 1.1, 1.2, 1.5, 3]))
def test_crossings_follow_the_definition(values, short, longer_by, threshold):
    long = short + longer_by
    given = {"short": short, "long": long, "threshold": threshold, "resolution": 1}
    changes = crossings(values, **given)
    assert [(c.tick, c.state, c.short, c.long) for c in changes] == by_definition(
        values, short, long, threshold
    )
    alternating = [AlertState.RAISED, AlertState.ENDED] * len(changes)
    assert [c.state for c in changes] == alternating[: len(changes)]
    halves = crossings([value / 2 for value in values], **given)  # scaling changes no tick
    assert [(c.tick, c.state) for c in halves] == [(c.tick, c.state) for c in changes]


def test_silence_after_a_large_number_is_no_alert():
    values = [1e16, 0.3] + [0.0] * 30
    assert crossings(values, short=2, long=4, threshold=1.5, resolution=1) == []


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(101, 999), st.integers(1, 9), st.booleans()
)
def test_an_average_at_exactly_the_threshold_raises_no_alert(short, more, percent, base, fractions):
    """The long average is `base`, and the short one exactly percent/100 times that."""
    long, threshold = short + more, percent / 100
    recent = [Fraction(base * percent, 100)] * short
    if fractions:
        values = [float(value) for value in [base] * (long + 1) + recent]
    else:
        values = [int(100 * value) for value in [base] * (long + 1) + recent]
    given = {"short": short, "long": long, "threshold": threshold, "resolution": 10}
    assert crossings(values, **given) == []
    values[-1] += 1
    assert [change.tick for change in crossings(values, **given)] == [len(values)]


def test_ten_ticks_of_exactly_the_threshold():
    values = [0] + [3] * 30 + [4] * 6 + [3] * 4
    assert crossings(values, short=10, long=30, threshold=1.2, resolution=10) == []
    values[-1] = 4
    assert [c.tick for c in crossings(values, short=10, long=30, threshold=1.2, resolution=10)] == [
        len(values)
    ]


def step(measure):
    """One message a tick, then three of 100 bytes each for five ticks."""
    for tick in range(20):
        for second in range(3 if 10 <= tick < 15 else 1):
            yield {
                "timestamp": START.timestamp() + 3 + 10 * tick + second,
                "topic": "x",
                "size": 100 if measure == "bytes" else 0,
            }


@pytest.mark.parametrize("measure", ["messages", "bytes"])
@pytest.mark.parametrize("fetched", [1, 3, 1_000_000])
def test_alerts_on_event_time(measure, fetched, events, monkeypatch):
    monkeypatch.setattr("hubbub.analyzers.alerts.threshold._FETCHED", fetched)
    table = events(step(measure))
    until = START + timedelta(seconds=195)
    changes, _ = alerts(table, until, measure=measure, short=2, long=4)
    factor = 100 if measure == "bytes" else 1
    assert [(row["tick"], row["state"]) for row in changes] == [(11, "raised"), (14, "ended")]
    assert changes[0]["short"] == 2.0 * factor
    assert changes[0]["time"] == START + timedelta(seconds=110)
    assert changes[0]["short_rate"] == pytest.approx(2.0 * factor / 10)


def test_ticks_may_be_as_long_as_the_calendar(events):
    rows = [{"timestamp": START.timestamp(), "topic": "x"}]
    assert alerts(events(rows), START, resolution=timedelta(days=3_000_000)) == ([], {})


def test_diagnostics_have_both_averages(events):
    table = events(step("messages"))
    until = START + timedelta(seconds=195)
    changes, notes = alerts(table, until, short=2, long=4, averages=1000)
    points, [peak] = notes["averages"], notes["peaks"]
    assert [p["time"] for p in points] == [START + timedelta(seconds=10 * k) for k in range(2, 21)]
    by_time = {p["time"]: p for p in points}
    for row in changes:
        assert by_time[row["time"]]["short_rate"] == pytest.approx(row["short_rate"])
        assert by_time[row["time"]]["long_rate"] == pytest.approx(row["long_rate"])
    assert points[3]["long_rate"] is None is not points[4]["long_rate"]
    while_on = [p for p in points if changes[0]["time"] <= p["time"] < changes[1]["time"]]
    assert peak == pytest.approx(max(p["short_rate"] / p["long_rate"] for p in while_on))
    assert notes["judged_since"] == START + timedelta(seconds=10 * 6)  # the end of the sixth tick
    assert alerts(table, until, short=2, long=4)[1] == {}


def test_a_range_in_which_no_alert_can_be_raised(events):
    data, notes = alerts(events(step("messages")), START, short=30, long=40, averages=10)
    assert (data, notes["judged_since"]) == ([], None)


def test_an_alert_ends_in_the_silence_after_the_last_event(events):
    rows = [{"timestamp": START.timestamp() + 10 * t, "topic": "x"} for t in range(8)]
    rows += [{"timestamp": START.timestamp() + 80 + t, "topic": "x"} for t in range(9)]
    for until, states in ((90, ["raised"]), (130, ["raised", "ended"])):
        changes, _ = alerts(events(rows), START + timedelta(seconds=until), short=2, long=4)
        assert [row["state"] for row in changes] == states


def test_wrong_parameters_of_a_query_are_a_usage_error(events):
    with pytest.raises(UsageError, match="longer than the short"):
        alerts(events([{"timestamp": START.timestamp(), "topic": "x"}]), START, short=3, long=3)
