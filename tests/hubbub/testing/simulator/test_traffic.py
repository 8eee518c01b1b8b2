"""The traffic model: reproducible in every process and version, with the intended statistics."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median

import msgspec
import numpy as np
import pytest

from hubbub.testing.simulator.block import _people_by_rank
from hubbub.testing.simulator.names import PACKAGES, ROBOTS, filler, package_names, visitor
from hubbub.testing.simulator.rhythm import GROUPS, burst_factor, day_profile
from hubbub.testing.simulator.shares import ONCE_PER_DAY, SLOTS, STRATA
from hubbub.testing.simulator.topics import TAIL_SIZE, TOPICS, tail_topic
from hubbub.testing.simulator.traffic import Traffic, messages
from hubbub.testing.simulator.wire import line
from hubbub.times import to_micros

DAY = 86_400_000_000
TUESDAY = to_micros(datetime(2026, 11, 17, tzinfo=UTC))
SEED = 5


@pytest.fixture(scope="module")
def day():
    return list(Traffic(SEED).between(TUESDAY, TUESDAY + DAY))


def digest(traffic):
    return hashlib.sha256(b"\n".join(map(line, traffic))).hexdigest()


def test_the_bytes_are_the_same_in_every_version():
    first = islice(messages(1, datetime(2026, 1, 1, tzinfo=UTC), 2000), 500)
    assert digest(first)[:16] == "476909d5d2d9435d"


@pytest.mark.parametrize("hashseed", ["0", "1", "random"])
def test_the_bytes_are_the_same_in_every_process(hashseed):
    code = (
        "import sys; from hubbub.testing.simulator.traffic import Traffic\n"
        "from hubbub.testing.simulator.wire import line\n"
        f"for m in Traffic(3, 2000).between({TUESDAY}, {TUESDAY + DAY}):\n"
        "    sys.stdout.buffer.write(line(m) + b'\\n')"
    )
    environment = os.environ | {"PYTHONHASHSEED": hashseed}
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, capture_output=True, check=True, env=environment)
    here = Traffic(3, 2000).between(TUESDAY, TUESDAY + DAY)
    assert out.stdout == b"".join(line(m) + b"\n" for m in here)


@pytest.mark.parametrize(("per_day", "steady"), [(2000, False), (60_000, False), (3_000_000, True)])
def test_a_message_does_not_depend_on_the_window(per_day, steady):
    start = TUESDAY + 7 * 3_600_000_000 + 123_456
    span = DAY // 24 if per_day < 1e6 else 30_000_000
    expected = list(Traffic(2, per_day, steady=steady).between(start, start + 2 * span))
    cut = start + span // 3 + 77
    other = Traffic(2, per_day, steady=steady)
    late = list(other.between(cut, start + 2 * span))  # before the early part, on purpose
    early = list(other.between(start, cut))
    assert early + late == expected
    assert len(expected) > 50
    assert [m.at for m in expected] == sorted(m.at for m in expected)


def test_a_different_seed_or_rate_gives_different_traffic():
    def ids(**options):
        return {m.id for m in Traffic(**options).between(TUESDAY, TUESDAY + DAY) if m.id}

    base = ids(seed=1, per_day=2000)
    for other in (
        ids(seed=2, per_day=2000),
        ids(seed=1, per_day=2000.01),  # close enough for equal counts
        ids(seed=1, per_day=2000, steady=True),
    ):
        assert len(other) > 1000
        assert base.isdisjoint(other)


def test_ids_are_unique_and_of_the_bus_form(day):
    ids = [m.id for m in day if m.broken is None]
    assert len(set(ids)) == len(ids)
    for msg_id in ids[:1000]:
        year, _, uuid = msg_id.partition("-")
        assert year == "2026"
        assert [len(part) for part in uuid.split("-")] == [8, 4, 4, 4, 12]
        assert uuid[14] == "4"
        assert uuid[19] in "89ab"


def test_publishers_counters_have_no_gaps(day):
    counters: dict[str, list[int]] = {}
    for m in day:
        if m.broken is None:
            counters.setdefault(m.username, []).append(m.i)
    assert len(counters) > 10
    for numbers in counters.values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_shares_of_a_day(day):
    people = [m for m in day if m.users and m.users[0] not in ROBOTS]
    robots = [m for m in day if m.users and m.users[0] in ROBOTS]
    assert {m.users[0] for m in robots} == set(ROBOTS)
    assert all(len(m.users) == 1 for m in robots)
    by_users = Counter(min(len(m.users), 3) for m in people)
    assert by_users[1] / len(people) == pytest.approx(0.70, abs=0.05)
    assert by_users[2] / len(people) == pytest.approx(0.25, abs=0.05)
    assert by_users[3] / len(people) == pytest.approx(0.05, abs=0.05)


def test_four_weeks_have_the_shares_of_the_model_and_days_differ():
    first = TUESDAY // DAY - 1  # a Monday
    days = range(first, first + 28)
    assert {burst_factor(SEED, d) for d in days} == {1}
    counts, people, broken = [], 0, 0
    for d in days:
        messages = list(Traffic(SEED, 3_000).between(d * DAY, (d + 1) * DAY))
        counts.append(len(messages))
        people += sum(1 for m in messages if m.users and m.users[0] not in ROBOTS)
        broken += sum(1 for m in messages if m.broken is not None)
    n = sum(counts)
    assert n / 28 == pytest.approx(3_000, rel=0.05)
    assert people / n == pytest.approx(0.10, rel=0.1)
    assert broken / n == pytest.approx(0.0049, rel=0.2)
    assert len(set(counts)) > 20
    weekend = [c for k, c in enumerate(counts) if k % 7 >= 5]
    assert sum(weekend) / 8 < 0.9 * (n - sum(weekend)) / 20


def test_shares_add_up():
    shares: dict[str, float] = defaultdict(float)
    for s in STRATA:
        if s.kind != "once":
            shares[s.kind] += s.share
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["people"] == pytest.approx(0.10)
    assert shares["noise"] + shares["robot"] == pytest.approx(0.89)
    assert shares["unknown"] + shares["broken"] + shares["hostile"] == pytest.approx(0.01)


def test_sizes_are_lognormal_with_a_cap(day):
    sizes = [len(msgspec.json.encode(m.msg)) for m in day if m.broken is None]
    assert median(sizes) == pytest.approx(500, rel=0.03)
    large = np.log(sorted(sizes)[-2000:])  # small bodies have a minimum size
    expected = 500 * np.exp(1.1 * 1.83)  # the quantile of 0.9664
    assert np.exp(large[0]) == pytest.approx(expected, rel=0.1)
    assert max(sizes) <= 80_000


def test_people_and_packages_follow_their_exponents():
    chosen: Counter[str] = Counter()
    touched: Counter[str] = Counter()
    for m in Traffic(SEED, 2_000_000, steady=True).between(TUESDAY, TUESDAY + DAY // 20):
        if m.users and m.users[0] not in ROBOTS:
            chosen[m.users[0]] += 1
        if m.topic.endswith("rpm.sign"):
            touched[m.objects[0]] += 1

    def exponent(counts, ranks):
        top = [n for _, n in counts.most_common(ranks)]
        return np.polyfit(np.log(np.arange(1, ranks + 1)), np.log(top), 1)[0]

    assert exponent(chosen, 60) == pytest.approx(-1.25, abs=0.08)
    assert exponent(touched, 60) == pytest.approx(-0.65, abs=0.08)
    assert chosen.most_common(1)[0][1] / sum(chosen.values()) > 0.2


def test_numbers_of_people_seen_in_a_quarter_and_a_year():
    def seen(days):
        return {name for d in days for name in _people_by_rank(SEED, 20_000 + d)}

    year, quarter = len(seen(range(0, 366, 2))), len(seen(range(0, 91, 2)))
    once = 365 * ONCE_PER_DAY
    assert quarter + 90 * ONCE_PER_DAY == pytest.approx(800, rel=0.03)
    assert once / (year + once) == pytest.approx(0.40, abs=0.02)
    assert len(set(_people_by_rank(SEED, 20_000))) == SLOTS


@pytest.mark.parametrize(("per_day", "days"), [(100, 150), (6000, 8)])  # 1 and 4 blocks a day
def test_a_visitor_is_seen_once(per_day, days):
    start = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
    counts = Counter(
        name
        for m in Traffic(SEED, per_day).between(start, start + days * DAY)
        for name in m.users
        if name[-1:].isdigit()
    )
    assert len(counts) == pytest.approx(days * ONCE_PER_DAY, rel=0.05, abs=8)
    assert set(counts.values()) == {1}


def test_visitors_names_are_distinct():
    assert len({visitor(n) for n in range(20_000)}) == 20_000


def test_topics():
    assert len(set(TOPICS)) == len(TOPICS) == 300
    packages = package_names(0)
    assert len(set(packages)) == PACKAGES
    tail = {tail_topic(n, packages[n // 2])[0] for n in range(TAIL_SIZE)}
    assert len(tail) == TAIL_SIZE
    assert tail.isdisjoint(TOPICS)


def test_topics_of_a_day(day):
    fixed = {m.topic for m in day} & set(TOPICS)
    tail = {m.topic for m in day if ".git.branch." in m.topic or ".git.lookaside." in m.topic}
    assert len(fixed) > 200
    assert len(tail) > 500
    assert all(m.objects[0] in m.topic for m in day if m.topic in tail)


def test_a_second_can_hold_more_messages_than_a_page(day):
    assert max(Counter(m.time for m in day).values()) > 100


def test_four_weeks_a_year_are_four_times_as_busy():
    first = (datetime(2025, 1, 6, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    factors = [burst_factor(SEED, d) for d in range(first, first + 52 * 7)]
    assert Counter(factors) == {1: 48 * 7, 4: 4 * 7}
    burst = (first + factors.index(4)) * DAY
    busy, usual = (
        sum(1 for _ in Traffic(SEED, 2000).between(start, start + 7 * DAY))
        for start in (burst, burst - 14 * DAY)
    )
    assert busy / usual == pytest.approx(4, rel=0.02)


def test_people_sleep_and_have_weekends():
    weights = tuple(g.share for g in GROUPS)
    means = [day_profile(d, weights)[0] for d in range(7)]
    assert sum(means) == pytest.approx(7)
    assert min(means[:5]) > 1.5 * max(means[5:])
    for g in GROUPS:
        week = [g.weight(d, h) for d in range(7) for h in range(24)]
        assert np.mean(week) == pytest.approx(1)
        assert max(week) > 10 * min(week)


def test_steady_traffic_has_the_requested_rate():
    traffic = Traffic(1, 500 * 86_400, steady=True)
    counts = Counter(m.time for m in traffic.between(TUESDAY, TUESDAY + 5_000_000))
    assert len(counts) == 5
    assert all(abs(n - 500) < 5 for n in counts.values())


@pytest.mark.parametrize("per_day", [0, -1, float("nan")])
def test_a_rate_must_be_above_0(per_day):
    with pytest.raises(ValueError, match="above 0"):
        Traffic(1, per_day)


def test_messages_is_the_traffic_of_a_number_of_days():
    start = datetime(2026, 11, 17, tzinfo=UTC)
    end = start + timedelta(hours=12)
    expected = list(Traffic(1, 500).between(to_micros(start), to_micros(end)))
    assert list(messages(1, start, per_day=500, days=0.5)) == expected


def test_filler_needs_no_escaping():
    text = filler(80_000, 12345)
    assert len(msgspec.json.encode(text)) == 80_002
    assert "@" not in text
