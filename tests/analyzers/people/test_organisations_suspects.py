"""`organisations` with a file of affiliations, and `suspects` on machines and people."""

import random
from datetime import UTC, date, datetime

import pytest

from hubbub.analyzers.people.organisations import organisations
from hubbub.analyzers.people.suspects import suspects
from hubbub.store.query.affiliations import Affiliation
from hubbub.store.query.events import Events
from hubbub.store.query.identity import Persons

START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
HOUR, DAY = 3600, 86400
TOPIC = "org.fedoraproject.prod.git.receive"


def message(day, users, agent=None, second=0):
    return {"timestamp": START + day * DAY + second, "topic": TOPIC, "users": users, "agent": agent}


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


AFFILIATIONS = (
    Affiliation("alice", "X", end=day("2026-01-20")),
    Affiliation("alice", "Y", day("2026-01-20"), day("2026-02-10")),
    Affiliation("bob", "X"),
    Affiliation("carol", ""),
)


def test_organisations_count_messages_and_people_at_their_time(events):
    table = events(
        [
            message(0, ["alice", "bob"]),
            message(1, ["alice", "dan"]),
            message(15, ["alice"]),  # 2026-01-20: the first day with Y
            message(28, ["bob", "carol"]),  # February
            message(36, ["alice"]),  # 2026-02-10: no longer with Y
            message(2, []),
        ]
    )
    january, february = date(2026, 1, 31), date(2026, 2, 28)
    rows = [tuple(row.values()) for row in organisations(table, AFFILIATIONS, per="m")]
    assert rows == [
        (january, "X", 2, 2, 2 / 3),
        (january, "Y", 1, 1, 1 / 3),
        (january, "unknown", 1, 1, 1 / 3),
        (february, "unknown", 2, 2, 1.0),
        (february, "X", 1, 1, 0.5),
    ]


def test_without_a_file_all_organisations_are_unknown(events):
    table = events([message(0, ["alice"]), message(400, ["bob@example.org"])])
    rows = [(r["organisation"], r["users"]) for r in organisations(table, (), per="y")]
    assert rows == [("unknown", 1), ("unknown", 1)]
    assert organisations(events([]), AFFILIATIONS) == []


def test_by_agent_a_message_has_one_organisation(events):
    table = events([message(0, ["alice", "dan"], agent="alice")], by="agent")
    (row,) = organisations(table, AFFILIATIONS, per="w")
    assert (row["organisation"], row["share"]) == ("X", 1.0)
    assert row["period"] == date(2026, 1, 11)


def test_an_affiliation_of_a_merged_account_applies_to_the_person(events):
    table = events([message(0, ["alicia"])])
    merged = Events(table.table, table.selection, Persons({"alice": "alicia"}))
    (row,) = organisations(merged, AFFILIATIONS, per="d")
    assert row["organisation"] == "X"


def acts(name, times):
    return [
        {"timestamp": START + t, "topic": TOPIC, "users": [name], "agent": name}
        for t in sorted(times)
    ]


def suspects_of(events, rows):
    return {row["user"]: row for row in suspects(events(rows, by="agent"))}


def test_a_timer_a_cron_job_and_a_program_without_a_night(events):
    rng = random.Random(7)
    timer = [d * DAY + 9 * HOUR + k * 700 for d in range(14) for k in range(20)]
    cron = [d * DAY + h * HOUR + 17 * 60 + rng.random() * 50 for d in range(40)
            for h in rng.sample(range(6, 20), 5)]  # fmt: skip
    sleepless = [rng.random() * 60 * DAY for _ in range(600)]
    rows = acts("timer", timer) + acts("cron", cron) + acts("sleepless", sleepless)
    by_name = suspects_of(events, rows)
    assert {name: row["why"] for name, row in by_name.items()} == {
        "timer": ["regular pauses"],
        "cron": ["same minute"],
        "sleepless": ["round the clock"],
    }
    assert by_name["timer"]["days"] == 14
    assert by_name["timer"]["actions"] == 280
    assert by_name["timer"]["night"] is None, "56 active hours are too few"
    assert by_name["timer"]["hours"] == 56
    assert by_name["cron"]["punctual"] == 1.0
    assert 0.15 < by_name["sleepless"]["night"] <= 0.25


def person(rng, zone, days, per_day, lazy=2.0):
    """Times of sessions in sixteen waking hours, with pauses of all lengths and a few bursts."""
    times = []
    for d in range(days):
        if rng.random() < 0.25:
            continue
        time = d * DAY + (zone + 7 + rng.random() * 6) * HOUR
        for _ in range(rng.randint(1, per_day)):
            times.append(time)
            if rng.random() < 0.05:
                times += [time + k for k in range(30)]
            time += rng.lognormvariate(6.5, lazy)
            if time > d * DAY + (zone + 23) * HOUR:
                break
    return times


@pytest.mark.parametrize("seed", range(4))
def test_people_are_not_suspected(events, seed):
    rng = random.Random(seed)
    rows = []
    for n in range(25):
        rows += acts(f"p{n}", person(rng, rng.randrange(24), 180, rng.choice((4, 15, 60))))
    # A program names the owner of a package around the clock: not an act of the owner.
    rows += [
        {"timestamp": START + rng.random() * 60 * DAY, "topic": TOPIC, "users": ["p0", "ci"],
         "agent": None} for _ in range(500)
    ]  # fmt: skip
    # A person who moves to the other side of the world, and one who works through a night.
    rows += acts(
        "mover", person(rng, 0, 120, 20) + [120 * DAY + t for t in person(rng, 12, 25, 20)]
    )
    rows += acts("release", person(rng, 2, 90, 20) + [30 * DAY + k * HOUR / 3 for k in range(72)])
    assert suspects_of(events, rows) == {}


def test_accounts_with_too_few_actions_or_days_are_not_judged(events):
    few_days = acts("days", [k * 600 for k in range(6 * 144)])
    few_acts = acts("acts", [d * DAY for d in range(49)])
    assert suspects_of(events, few_days + few_acts) == {}
    enough = acts("acts", [d * DAY for d in range(50)])
    assert list(suspects_of(events, enough)) == ["acts"]
    together = acts("one", [d * DAY + s for d in range(49) for s in range(0, 600, 30)])
    assert suspects_of(events, together) == {}, "messages within a minute are one action"


def test_bots_of_the_list_are_marked(events):
    rows = [row for name in ("koschei", "mine") for row in acts(name, [d * DAY for d in range(60)])]
    assert {n: r["listed"] for n, r in suspects_of(events, rows).items()} == {
        "koschei": True, "mine": False
    }  # fmt: skip
