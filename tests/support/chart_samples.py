"""Data for the tests of charts: simulated buses, and the built-in queries in plain Python."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

from hubbub.analyzers.evenness.metrics import measure
from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.charts.chart import Chart
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.views.activity import daily_diff, radar, volume, weekly_diff
from hubbub.charts.views.alerts import alerts
from hubbub.charts.views.evenness import longtail, lorenz, tail
from hubbub.charts.views.objects import heatmap, objects_per_user, users_per_object
from hubbub.charts.views.overload import overload
from hubbub.charts.views.people import active_users, cohorts, daily_users, returning
from hubbub.charts.views.traffic import traffic
from hubbub.times import iso
from tests.support.chart_coverage import Coverages, coverage
from tests.support.chart_touches import PACKAGES, Touches
from tests.support.chart_traffic import Traffic

VIEWS: dict[str, Any] = {
    "longtail": longtail,
    "tail": tail,
    "lorenz": lorenz,
    "radar": radar,
    "weekly_diff": weekly_diff,
    "daily_diff": daily_diff,
    "volume": volume,
    "daily_users": daily_users,
    "active_users": active_users,
    "cohorts": cohorts,
    "returning": returning,
    "overload": overload,
    "heatmap": heatmap,
    "objects_per_user": objects_per_user,
    "users_per_object": users_per_object,
    "alerts": alerts,
    "traffic": traffic,
    "coverage": coverage,
}
START = datetime(2026, 1, 5, tzinfo=UTC)
TOPICS = (
    "org.fedoraproject.prod.buildsys.build.state.change",
    "org.fedoraproject.prod.git.receive",
    "org.fedoraproject.prod.copr.build.end",
    "org.fedoraproject.prod.bodhi.update.comment",
    "org.fedoraproject.prod.wiki.article.edit",
    "org.fedoraproject.prod.fedbadges.badge.award",
    "org.fedoraproject.prod.ask.post.edit",
    "org.fedoraproject.prod.planet.post.new",
    "org.fedoraproject.prod.pagure.pull-request.new",
)
HOSTILE = (
    "<script>alert(1)</script>",
    "]]></style><b>&amp;'\"",
    "a\0b\x1b[31m\x07",
    "user\u202egpj.exe\u202c",
    "\ud800lone",
    "Z" + "\u0351\u0327\u0489" * 30,
    "x" * 300,
    "  ",
    "line\nbreak\ttab",
    "\u200b\u200e\ufeff",
)
WORLD = (
    "مستخدم محمد",
    "علی‌رضا",
    "田中太郎",
    "김철수",
    "👩‍👩‍👧 family",
    "Ángström",
    "नमस्ते",
    "🦊🦊🦊",
)

Event = tuple[datetime, str, tuple[str, ...]]


def bus(days: int, users: tuple[str, ...], per_day: int, seed: int = 1) -> list[Event]:
    """Zipf users and topics, quiet weekends, one burst by the first user."""
    rng = random.Random(seed)
    weights = [1 / (i + 1) ** 1.25 for i in range(len(users))]
    spread = [1 / (i + 1) for i in range(len(TOPICS))]
    out: list[Event] = []
    for d in range(days):
        day = START + timedelta(days=d)
        n = int(per_day * (0.4 if day.weekday() > 4 else 1) * rng.uniform(0.7, 1.3))
        burst = days > 7 and 0.6 < d / days < 0.65
        for _ in range(n * (3 if burst else 1)):
            topic = rng.choices(TOPICS, spread)[0]
            who = [users[0] if burst and rng.random() < 0.7 else rng.choices(users, weights)[0]]
            if rng.random() < 0.1:
                who = []
            out.append((day + timedelta(seconds=rng.randrange(86400)), topic, tuple(who)))
    return sorted(out)


def names(n: int) -> tuple[str, ...]:
    known = ("ralph", "pingou", "threebean", "puiterwijk", "kevin", "decause", "adamw", "nirik")
    return known[:n] + tuple(f"user{i:03}" for i in range(len(known), n))


CASES: dict[str, tuple[int, Any]] = {
    "simulated": (84, lambda: bus(84, names(60), 220)),
    "empty": (14, list),
    "one": (14, lambda: [(START + timedelta(days=3, hours=5), TOPICS[1], ("ralph",))]),
    "year": (365, lambda: bus(365, names(40), 40)),
    "decade": (3652, lambda: bus(3652, names(30), 4)),
    "crowd": (28, lambda: bus(28, names(1000), 400)),
    "hostile": (28, lambda: bus(28, HOSTILE, 100)),
    "world": (28, lambda: bus(28, WORLD, 100)),
    "nobody": (14, lambda: [(t, topic, ()) for t, topic, _ in bus(14, names(5), 20)]),
    "alone": (14, lambda: bus(14, ("ralph",), 20)),
}


@cache
def events(case: str) -> list[Event]:
    """The events of a case."""
    made: list[Event] = CASES[case][1]()
    return made


class Queries(Coverages, Touches, Traffic):
    """What the injected `query` does, over a list of events."""

    def __init__(
        self, events: list[Event], coverage: Coverage, objects: tuple[str, ...] = PACKAGES
    ) -> None:
        self.events, self.known, self.objects = events, coverage, objects

    def _result(self, name: str, since: datetime, until: datetime, data: Any, **p: Any) -> Result:
        return Result(name, p, data, since, until, len(self.events), self.known)

    def longtail(
        self, since: datetime, until: datetime, window: timedelta, step: Any, *, interval: bool
    ) -> Result:
        step = step or timedelta(days=1)
        step *= max(1, -(-((until - since) // step) // 400))
        rows, end = [], until
        while end >= since + window:
            counts = Counter(u for t, _, us in self.events if end - window <= t < end for u in us)
            row = {"start": iso(end - window), "end": iso(end)}
            rows.append(row | asdict(measure(list(counts.values()))))
            end -= step
        people = measure(Counter(u for _, _, us in self.events for u in us).values())
        value = people.effective_people
        enough = value is not None and people.n >= 10
        found = {
            "value": value if enough else None,
            "low": value * 0.9 if enough and value else None,
            "high": value * 1.1 if enough and value else None,
            "level": 0.9,
            "note": "" if enough else "not enough data",
        }
        result = self._result("longtail", since, until, rows[::-1], window="1d")
        return replace(result, diagnostics={"effective_people": found} if interval else {})

    def tail(self, since: datetime, until: datetime) -> Result:
        counts = Counter(u for _, _, us in self.events for u in us)
        order = sorted(counts.items(), key=lambda p: (-p[1], p[0]))
        n = len(order)
        rows = [
            {
                "rank": i + 1,
                "user": u,
                "count": c,
                "ideal": order[0][1] + (order[-1][1] - order[0][1]) * i / n,
            }
            for i, (u, c) in enumerate(order)
        ]
        return self._result("tail", since, until, rows)

    def radar(self, since: datetime, until: datetime, axis: str, user: list[str]) -> Result:
        key = self._key(axis)
        totals = Counter(key(t) for _, t, _ in self.events)
        axes = sorted(totals)
        own: dict[str, Counter[str]] = {}
        for _, topic, us in self.events:
            for u in us:
                own.setdefault(u, Counter())[key(topic)] += 1
        people = {
            u: {"counts": [c[a] for a in axes], "share": [c[a] / totals[a] for a in axes]}
            for u, c in sorted(own.items())
            if not user or u in user
        }
        data = {"axes": axes, "totals": [totals[a] for a in axes], "users": people}
        return self._result("radar", since, until, data, axis=axis)

    @staticmethod
    def _key(axis: str) -> Any:
        return (lambda t: t.split(".")[3]) if axis == "category" else (lambda t: t)

    def diff(self, since: datetime, until: datetime, per: str, axis: str) -> Result:
        key, size = self._key(axis), timedelta(days=7 if per == "week" else 1)
        if per == "week":  # those of the calendar
            since += timedelta(days=-since.weekday() % 7)
        n = max((until - since) // size, 0)
        labels = [since + i * size for i in range(n)]
        form = "%G-W%V" if per == "week" else "%Y-%m-%d"
        counts: dict[str, list[int]] = {}
        for t, topic, _ in self.events:
            if 0 <= (t - since) // size < n:
                counts.setdefault(key(topic), [0] * n)[(t - since) // size] += 1
        diff = {k: [None, *(b - a for a, b in pairwise(v))] for k, v in sorted(counts.items())}
        data = {
            "labels": [f"{d:{form}}" for d in labels],
            "counts": dict(sorted(counts.items())),
            "diff": diff,
        }
        return self._result("diff", since, until, data, per=per, axis=axis)

    def volume(self, since: datetime, until: datetime, per: str, axis: str) -> Result:
        key = self._key(axis)
        size = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}[
            per
        ]
        cells = Counter(
            (since + (t - since) // size * size, key(topic)) for t, topic, _ in self.events
        )
        rows = [
            {"start": iso(s), "name": name, "messages": n, "bytes": n * 500}
            for (s, name), n in sorted(cells.items())
        ]
        return self._result("volume", since, until, rows, per=per, axis=axis)


@cache
def picture(view: str, case: str, theme: str = "auto", *, gaps: bool = False) -> Drawing:
    """A built-in view of a case with its default options."""
    return drawn(view, case, Chart(theme=theme), gaps=gaps)


def drawn(view: str, case: str, chart: Chart, *, gaps: bool = False, **options: Any) -> Drawing:
    """A built-in view of a case."""
    days, _ = CASES[case]
    gap = Gap(START + timedelta(days=2), START + timedelta(days=2, hours=3), "zmq", "restart")
    known = Coverage("unproven", (gap,)) if gaps else Coverage("complete")
    things = {"hostile": HOSTILE, "world": WORLD, "crowd": names(400)}.get(case, PACKAGES)
    queries = Queries(events(case), known, things)
    drawing = VIEWS[view](queries, chart, START, START + timedelta(days=days), **options)
    assert isinstance(drawing, Drawing)
    return drawing
