"""What titles and subtitles claim is recomputed from the messages of random stores.

The recomputation shares no code with hubbub: it counts a list of messages in plain Python. Each
title has to match one of the forms that its view may use, and each number and name in it has to be
right. HUBBUB_TITLES sets the number of stores (without it 12; before a release 2,000). The seeds of
`random.Random` are 0, 1, 2, …: HUBBUB_TITLES_FIRST=<seed> begins with another one.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from hubbub.charts.picture.text import amount, percent
from hubbub.collector.event import Frame
from hubbub.plugins import load_builtins
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.times import to_micros
from tests.support.store import put
from tests.support.title_worlds import (
    DAY,
    OF,
    START,
    Message,
    Titles,
    matched,
    number,
    shown,
    world,
)

load_builtins()
STORES = int(os.environ.get("HUBBUB_TITLES", "12"))
FIRST = int(os.environ.get("HUBBUB_TITLES_FIRST", "0"))


def check_tail(t: Titles) -> None:
    title, description = t.draw("tail")
    counts = sorted(t.counts.values(), reverse=True)
    total, n = sum(counts), len(counts)
    assert ("counts for each person" in description) is (total > t.naming)
    if not n:
        assert title == "Nobody is named by the messages of this range"
    elif n == 1:
        assert title == f"All {OF} are of one person, {next(iter(t.counts))}"
    elif counts[0] == counts[-1]:
        assert re.fullmatch(rf"All {n} people have {counts[0]} messages? each", title)
    else:
        half = next(k for k in range(1, n + 1) if 2 * sum(counts[:k]) >= total)
        if half == 1:
            head = min(u for u, c in t.counts.items() if c == counts[0])
            share = percent(counts[0] / total)
            assert title == f"{head} alone has {share} of the {OF}, of {n} people"
        else:
            assert title == f"Half of the {OF} comes from {half} of {n} people"


def check_lorenz(t: Titles) -> None:
    title, _ = t.draw("lorenz")
    counts = sorted(t.counts.values(), reverse=True)
    n = len(counts)
    if n < 2 or counts[0] == counts[-1]:
        expected = check_alike(t)
    else:
        size = math.ceil(n / 10)
        share = percent(sum(counts[:size]) / sum(counts))
        if size > 1:
            expected = f"The busiest {size} of {n} people have {share} of the {OF}"
        elif counts[0] > counts[1]:
            name = t.counts.most_common(1)[0][0]
            expected = f"The busiest of {n} people, {name}, has {share} of the {OF}"
        else:
            expected = f"One of {n} people has {share} of the {OF}"
    assert title == expected


def check_alike(t: Titles) -> str:
    if not t.counts:
        return "Nobody is named by the messages of this range"
    if len(t.counts) == 1:
        return f"All {OF} are of one person, {next(iter(t.counts))}"
    each = next(iter(t.counts.values()))
    return f"All {len(t.counts)} people have {each} message{'s' * (each != 1)} each"


def check_longtail(t: Titles) -> None:
    for metric in ("absence_factor", "longtail", "gini"):
        title, _ = t.draw("longtail", window="24h", step="24h", metric=metric)
        assert "least even" not in title
        values = []
        for i in range(t.world.days):
            here = Counter(
                u for m in t.world.messages if (m.time - START) // DAY == i for u in m.people
            )
            if here:
                values.append((measure(metric, sorted(here.values(), reverse=True)), i))
        numbers = [v for v, _ in values]
        if not values:
            assert title.startswith("No window in this range has enough activity for ")
        elif match := re.search(r"was (highest|lowest) on (\d+) (\w+), (\S+); the median", title):
            extreme = max(numbers) if match[1] == "highest" else min(numbers)
            [day] = [i for v, i in values if math.isclose(v, extreme, abs_tol=1e-9)]
            when = START + day * DAY
            assert (int(match[2]), match[3]) == (when.day, f"{when:%B}")
            assert match[4] == amount(extreme)
        elif match := re.search(r"between (\S+) and (\S+), median (\S+)", title):
            low, high = min(numbers), max(numbers)
            for text, value in zip(match.groups(), (low, high, median(numbers)), strict=True):
                assert number(text) == pytest.approx(value, abs=0.06, rel=0.01)
        else:
            match = matched(r".* was (\S+) (throughout|on \d+ \w+)", title)
            assert number(match[1]) == pytest.approx(numbers[0], abs=0.06, rel=0.01)


def measure(metric: str, v: list[int]) -> float:
    n, total = len(v), sum(v)
    if metric == "absence_factor":
        return next(k for k in range(1, n + 1) if 2 * sum(v[:k]) >= total)
    if metric == "longtail":
        return v[0] + (v[-1] - v[0]) * (n - 1) / (2 * n) - total / n
    return sum(abs(a - b) for a in v for b in v) / (2 * n * total)


def check_people(t: Titles) -> None:
    days = t.per_day()
    sizes = [len(d) for d in days]
    title, _ = t.draw("active_users", per="day")
    if not any(sizes):
        assert title == "Nobody is named by the messages of this range"
    elif len(set(sizes)) == 1:
        assert (
            number(matched(shown(r" (person is|people are) active each day"), title)[1]) == sizes[0]
        )
    else:
        form = r"(?:A median of ([\d.]+) .*|In most days.*|On most days nobody is active); "
        match = matched(form + r"the peak was (\d+) on (?:(\d+) days|(\d+) (\w+))", title)
        assert match[1] is None or number(match[1]) == median(sizes)
        assert (match[1] is None) is (median(sizes) == 0)
        assert int(match[2]) == max(sizes)
        if match[3]:
            assert int(match[3]) == sizes.count(max(sizes)) > 1
        else:
            when = START + sizes.index(max(sizes)) * DAY
            assert (int(match[4]), match[5]) == (when.day, f"{when:%B}")
            assert sizes.count(max(sizes)) == 1
    title, _ = t.draw("daily_users", per="day")
    everybody = len(set().union(*days))
    if everybody > 1:
        match = matched(r"A median of ([\d.]+) .* each day; (\d+) different people in all", title)
        assert (number(match[1]), int(match[2])) == (median(sizes), everybody)
    elif everybody == 1:
        assert title.startswith("One person is active, first on ")


def check_volume(t: Titles) -> None:
    title, _ = t.draw("volume", per="day")
    total = len(t.world.messages)
    if not total:
        assert title == "No messages in this range"
        return
    days = Counter((m.time - START) // DAY for m in t.world.messages)
    topics = Counter(m.topic for m in t.world.messages)
    most = max(topics.values())
    leaders = [name for name, n in topics.items() if n == most]
    short = {name: ".".join(name.split(".")[3:]) for name in topics}
    if len(topics) == 1:
        assert re.match(rf"All {total} messages? are of {short[leaders[0]]}; ", title)
    elif len(leaders) == 1:
        assert title.startswith(f"{short[leaders[0]]} leads with {percent(most / total)} of ")
    else:
        assert f" lead with {percent(most / total)} of messages each; " in title
    peak = max(days.values())
    peaks = [day for day, n in days.items() if n == peak]
    if len(peaks) == t.world.days:
        assert re.search(rf"; {peak} messages? each day$", title)
    elif len(peaks) > 1:
        assert title.endswith(f"; the peak was {peak} on {len(peaks)} days")
    else:
        when = START + peaks[0] * DAY
        assert title.endswith(f"; the peak was {peak} on {when.day} {when:%B}")


def check_changes(t: Titles) -> None:
    title, _ = t.draw("daily_diff")
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for m in t.world.messages:
        counts[m.topic][(m.time - START) // DAY] += 1
    jumps = [
        (counts[topic][day] - counts[topic][day - 1], topic, day)
        for topic in counts
        for day in range(1, t.world.days)
    ]
    most = max((abs(jump) for jump, _, _ in jumps), default=0)
    if not counts:
        assert title == "No messages in this range"
    elif not most:
        assert title == "No change from day to day"
    else:
        largest = [j for j in jumps if abs(j[0]) == most]
        if len(largest) > 1:
            assert title == f"Biggest daily change: ±{most}, {len(largest)} times"
        else:
            [(jump, topic, day)] = largest
            when = START + day * DAY
            sign = "+" if jump > 0 else "\N{MINUS SIGN}"
            name = ".".join(topic.split(".")[3:])
            assert title == f"Biggest daily change: {name} {sign}{most} on {when.day} {when:%B}"


def check_heatmap(t: Titles) -> None:
    title, _ = t.draw("heatmap")
    cells = Counter((u, o) for m in t.world.messages for u in m.people for o in m.objects)
    if not cells:
        assert title == "No message in this range names both a user and an object"
        return
    assert " of all" not in title
    most = max(cells.values())
    best = [pair for pair, n in cells.items() if n == most]
    counted = f"{most} message{'s' * (most != 1)}"
    everything = len({u for u, _ in cells}) <= 24
    among = "" if everything else "Among the busiest, "
    if everything and len(cells) == 1:
        assert title == f"{best[0][0]} alone touches an object, {best[0][1]}: {counted}"
    elif everything and len(best) > 1:
        assert title == (
            f"{len(best)} pairs of a person and an object meet most often: {counted} each"
        )
    elif len(best) == 1:
        assert title == f"{among}{best[0][0]} and {best[0][1]} meet most often: {counted}"


def check_alerts(t: Titles) -> None:
    title, _ = t.draw("alerts", resolution="1h", short=2, long=10, threshold=2)
    if not t.world.messages:
        assert title == "No messages in this range"
        return
    hour = timedelta(hours=1)
    first = (t.world.messages[0].time - START) // hour
    ticks = [0] * (t.world.days * 24 - first)
    for m in t.world.messages:
        ticks[(m.time - START) // hour - first] += 1
    if len(ticks) <= 12:
        assert title.startswith("No alert could be raised: the averages need more than 12 h")
        return
    raised, on = 0, False
    for k in range(13, len(ticks) + 1):
        above = 10 * sum(ticks[k - 2 : k]) > 2 * 2 * sum(ticks[k - 12 : k - 2])
        raised += above and not on
        on = above
    length = len(ticks) - 12
    words = f"{amount(round(length / 24, 1))} days" if length >= 48 else f"{length} h"
    if raised:
        many = "One traffic alert" if raised == 1 else f"{raised} traffic alerts"
        assert title.startswith(f"{many} in {words}")
        assert ("still open" in title) is on
    else:
        assert title == f"No traffic alert in the {words} that could be judged"


def check_cohorts(t: Titles) -> None:
    title, _ = t.draw("cohorts")
    match = re.match(r"The busiest of (\d+) people has (\S+) of the .* to (\d+) (\w+)", title)
    if match and (beginning := re.search(r"at the beginning it was \S+ of (\d+) people", title)):
        assert min(int(match[1]), int(beginning[1])) >= 10


def check_overload(t: Titles) -> None:
    title, _ = t.draw("overload")
    # no range of these is long enough for a baseline of eight weeks
    assert title != "Nobody shows a sign of too much work"


CHECKS = (
    *(check_tail, check_lorenz, check_longtail, check_people, check_volume, check_changes),
    *(check_heatmap, check_alerts, check_cohorts, check_overload),
)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + STORES))
def test_titles_are_true(tmp_path: Path, seed: int) -> None:
    drawn = world(seed)
    frames = [
        Frame("jsonl:t", to_micros(START), b"", json.dumps(line(m, n)).encode(), n)
        for n, m in enumerate(drawn.messages)
    ]
    with Store.open(tmp_path / "store") as store:
        if frames:
            put(store, *frames, load=True)
        now = drawn.until + DAY
        titles = Titles(drawn, Runner(store, common=CommonOptions(), clock=lambda: now))
        for check in CHECKS:
            check(titles)


def line(message: Message, n: int) -> dict[str, Any]:
    return {
        "id": f"m{n}",
        "timestamp": message.time.timestamp(),
        "topic": message.topic,
        "users": message.users,
        "objects": message.objects,
    }
