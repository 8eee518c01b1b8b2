"""Every built-in view over the real queries, for simulated buses of many kinds.

Each case has two small stores, one of messages and one of requests of a web server. They are filled
once per process, and every query runs once per case and parameters.
"""

from __future__ import annotations

import atexit
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.charts.chart import Chart
from hubbub.charts.picture.drawing import Drawing
from hubbub.collector.event import Frame
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from hubbub.run.runner import Runner
from hubbub.store import Store
from hubbub.times import to_micros
from tests.support.stores.filling import put

load_builtins()

#: The built-in views in the order of a report.
VIEWS = (
    *("longtail", "tail", "lorenz", "radar", "weekly_diff", "daily_diff", "volume"),
    *("daily_users", "active_users", "cohorts", "returning", "overload"),
    *("heatmap", "objects_per_user", "users_per_object", "alerts", "traffic", "coverage"),
)
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
PACKAGES = (
    *("kernel", "glibc", "systemd", "firefox", "ruby", "vim", "python3", "mesa", "nginx", "gcc"),
    *("libreoffice", "bash", "gnome-shell", "podman", "httpd", "tmux", "golang", "nodejs"),
    *("mariadb", "anaconda", "postgresql", "openssl", "curl", "dnf", "qt5", "ssh", "rust", "git"),
    *("flatpak", "php", "texlive", "emacs"),
)
BUS = "zmq:tcp://hub.example.org:9940"
HISTORY = "history:https://history.example.org/datagrepper"
#: Closes the stores and deletes their folder at exit.
_STORES = ExitStack()
_FOLDER = Path(_STORES.enter_context(tempfile.TemporaryDirectory(prefix="hubbub-charts-")))
atexit.register(_STORES.close)

#: Time, topic, users.
Event = tuple[datetime, str, tuple[str, ...]]


def bus(days: int, users: tuple[str, ...], per_day: int, seed: int = 1) -> list[Event]:
    """Zipf-distributed users and topics, quiet weekends, one burst by the first user."""
    rng = random.Random(seed)
    weights = [1 / (i + 1) ** 1.25 for i in range(len(users))]
    spread = [1 / (i + 1) for i in range(len(TOPICS))]
    events: list[Event] = []
    for d in range(days):
        day = START + timedelta(days=d)
        n = int(per_day * (0.4 if day.weekday() > 4 else 1) * rng.uniform(0.7, 1.3))
        burst = days > 7 and 0.6 < d / days < 0.65
        for _ in range(n * (3 if burst else 1)):
            topic = rng.choices(TOPICS, spread)[0]
            user = users[0] if burst and rng.random() < 0.7 else rng.choices(users, weights)[0]
            named = () if rng.random() < 0.1 else (user,)
            events.append((day + timedelta(seconds=rng.randrange(86400)), topic, named))
    return sorted(events)


def names(n: int) -> tuple[str, ...]:
    first = ("ralph", "pingou", "threebean", "puiterwijk", "kevin", "decause", "adamw", "nirik")
    return first[:n] + tuple(f"user{i:03}" for i in range(len(first), n))


#: Days, and what makes the events.
CASES: dict[str, tuple[int, Callable[[], list[Event]]]] = {
    "simulated": (84, lambda: bus(84, names(60), 110)),
    "empty": (14, list),
    "one": (14, lambda: [(START + timedelta(days=3, hours=5), TOPICS[1], ("ralph",))]),
    "year": (365, lambda: bus(365, names(40), 24)),
    "decade": (3652, lambda: bus(3652, names(30), 2)),
    "crowd": (28, lambda: bus(28, names(1000), 400)),
    "hostile": (28, lambda: bus(28, HOSTILE, 100)),
    "world": (28, lambda: bus(28, WORLD, 100)),
    "nobody": (14, lambda: [(t, topic, ()) for t, topic, _ in bus(14, names(5), 20)]),
    "alone": (14, lambda: bus(14, ("ralph",), 20)),
}


@cache
def events(case: str) -> list[Event]:
    """The events of a case, by time."""
    return CASES[case][1]()


def objects_of(case: str) -> tuple[str, ...]:
    """The objects of a case: names as strange as those of its users."""
    return {"hostile": HOSTILE, "world": WORLD, "crowd": names(400)}.get(case, PACKAGES)


def messages(case: str) -> Iterator[dict[str, Any]]:
    """Lines of the messages of a case; users prefer some objects to others."""
    rng, objects = random.Random(7), objects_of(case)
    weights = [1 / (i + 1) for i in range(len(objects))]
    for time, topic, users in events(case):
        line: dict[str, Any] = {"timestamp": time.timestamp(), "topic": topic, "users": users}
        for user in users:
            own = sum(user.encode("utf-8", "replace")) % len(objects)
            pick = rng.choices(range(len(objects)), weights)[0]
            popular = rng.random() < 0.5
            touched = objects[pick if popular else (own + pick) % len(objects)]
            line |= {"agent": user, "objects": [touched]}
        yield line


def requests(case: str) -> Iterator[dict[str, Any]]:
    """Lines of requests of a web server at the times of the messages, most with a section."""
    objects = objects_of(case)
    for i, (time, _, _) in enumerate(events(case)):
        section = [f"/{objects[i * i % len(objects)]}"] if i % 50 else []
        line = {"timestamp": time.timestamp(), "topic": "http.access", "size": 500}
        yield {**line, "objects": section}


@cache
def runner(case: str, *, web: bool = False) -> Runner:
    """A runner over a filled store, of messages or of requests."""
    lines = requests(case) if web else messages(case)
    store = _STORES.enter_context(Store.open(_FOLDER / f"{case}{'-web' if web else ''}"))
    frames = []
    for n, line in enumerate(lines):
        encoded = json.dumps({"id": f"e{n}", **line}).encode()
        frames.append(Frame("jsonl:sample", to_micros(START), b"", encoded, n))
    put(store, *frames, load=True)
    record_coverage(store, case)
    return Runner(store)


def record_coverage(store: Store, case: str) -> None:
    """Record proofs for all but the last eighth; the bus missed three hours and one minute."""
    days, _ = CASES[case]
    start, end = to_micros(START), to_micros(START + timedelta(days=days))
    hour = 3_600_000_000
    last = end - (end - start) // 8
    gap = to_micros(START + timedelta(days=2))
    span = store.state.span
    span(BUS, "", start, gap, "unproven", "received")
    span(BUS, "", gap, min(gap + 3 * hour, end), "healed", "filled from history")
    span(BUS, "", last, last + hour // 60, "gap", "no answer")
    span(HISTORY, "", start, last, "complete", "5 rows, as many as history counts")
    for name in objects_of(case)[:9]:
        source = name.encode("utf-8", "replace").decode()
        span(f"zmq:{source}", source, start, last, "unproven", source)


_RESULTS: dict[tuple[str, str, str], Result] = {}


class Queries:
    """The injected `query` of a case: the real queries, with this coverage in their results."""

    def __init__(self, case: str, coverage: Coverage = Coverage("complete")) -> None:  # noqa: B008
        self.case, self.coverage_of_results = case, coverage

    def __getattr__(self, name: str) -> Callable[..., Result]:
        def query(**parameters: Any) -> Result:
            key = (self.case, name, repr(sorted(parameters.items())))
            if key not in _RESULTS:
                _RESULTS[key] = runner(self.case, web=name == "traffic").query(name, **parameters)
            return replace(_RESULTS[key], coverage=self.coverage_of_results)

        return query


@cache
def picture(view: str, case: str, theme: str = "auto", *, gaps: bool = False) -> Drawing:
    """Draw a built-in view of a case with default options."""
    return drawn(view, case, Chart(theme=theme), gaps=gaps)


def drawn(view: str, case: str, chart: Chart, *, gaps: bool = False, **options: Any) -> Drawing:
    """Draw a built-in view of a case."""
    days, _ = CASES[case]
    gap = Gap(START + timedelta(days=2), START + timedelta(days=2, hours=3), "zmq", "restart")
    queries = Queries(case, Coverage("unproven", (gap,)) if gaps else Coverage("complete"))
    if view == "coverage":
        options["ledger"] = runner(case).spans
    if view == "alerts":
        options.setdefault("alert_rules", lambda _since, _until: ())
    function = REGISTRY.views[view].call
    drawing = function(
        query=queries, chart=chart, since=START, until=START + timedelta(days=days), **options
    )
    assert isinstance(drawing, Drawing)
    return drawing
