"""The queries about people and objects in plain Python, over a list of events."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from hubbub.analyzers.evenness.metrics import measure
from hubbub.analyzers.result import Result
from hubbub.charts.chart import Chart
from hubbub.charts.picture.calendar import last_day, starts
from hubbub.times import iso
from tests.support.svg_faults import faults

Per = Literal["hour", "day", "week", "month", "quarter", "year"]
PACKAGES = (
    *("kernel", "glibc", "systemd", "firefox", "ruby", "vim", "python3", "mesa", "nginx", "gcc"),
    *("libreoffice", "bash", "gnome-shell", "podman", "httpd", "tmux", "golang", "nodejs"),
    *("mariadb", "anaconda", "postgresql", "openssl", "curl", "dnf", "qt5", "ssh", "rust", "git"),
    *("flatpak", "php", "texlive", "emacs"),
)


class Touches:
    """Part of `Queries`: what needs users and objects."""

    events: list[tuple[datetime, str, tuple[str, ...]]]
    objects: tuple[str, ...]

    def _result(self, name: str, since: datetime, until: datetime, data: Any, **p: Any) -> Result:
        raise NotImplementedError

    @cached_property
    def touches(self) -> list[tuple[datetime, str, str]]:
        """(time, user, object) of every event; a user leans towards objects of their own."""
        rng, out = random.Random(7), []
        weights = [1 / (i + 1) for i in range(len(self.objects))]
        for t, _, users in self.events:
            for user in users:
                own = sum(user.encode("utf-8", "replace")) % len(self.objects)
                pick = rng.choices(range(len(weights)), weights)[0]
                far = rng.random() < 0.5
                out.append((t, user, self.objects[pick if far else (own + pick) % len(weights)]))
        return out

    def heatmap(self, since: datetime, until: datetime, top: int, top_objects: int) -> Result:
        cells = Counter((u, o) for _, u, o in self.touches)
        users = Counter(u for _, u, _ in self.touches)
        things = Counter(o for _, _, o in self.touches)
        rows = sorted(users, key=lambda u: (-users[u], u))[:top]
        columns = sorted(things, key=lambda o: (-things[o], o))[:top_objects]
        data = [
            {"user": u, "object": o, "messages": cells[u, o]}
            for u in rows
            for o in columns
            if cells[u, o]
        ]
        notes = {"users": len(users), "objects": len(things), "messages": len(self.touches)}
        return replace(self._result("heatmap", since, until, data), diagnostics=notes)

    def objects_per_user(self, since: datetime, until: datetime) -> Result:
        each = defaultdict(set)
        for _, user, thing in self.touches:
            each[user].add(thing)
        counts = Counter(map(len, each.values()))
        data = [{"objects": k, "users": n} for k, n in sorted(counts.items())]
        return self._result("objects_per_user", since, until, data)

    def users_per_object(self, since: datetime, until: datetime, top: int, frames: int) -> Result:
        step = timedelta(hours=-(-((until - since) / frames) // timedelta(hours=1)))
        number = -((since - until) // step)
        begin = until - step * number
        who: dict[str, set[str]] = defaultdict(set)
        grown: dict[str, int] = {}
        data, at = [], 0
        for frame in range(number):
            end = begin + step * (frame + 1)
            while at < len(self.touches) and self.touches[at][0] < end:
                _, user, thing = self.touches[at]
                if user not in who[thing]:
                    who[thing].add(user)
                    grown[thing] = frame
                at += 1
            order = sorted(who, key=lambda o: (-len(who[o]), grown[o], o))[:top]
            data += [
                {"end": iso(end), "rank": i, "object": o, "users": len(who[o])}
                for i, o in enumerate(order, 1)
            ]
        notes = {"step": step.total_seconds(), "frames": number}
        return replace(self._result("users_per_object", since, until, data), diagnostics=notes)

    def daily_users(self, since: datetime, until: datetime, per: Per) -> Result:
        here = [(t, u) for t, _, us in self.events if since <= t < until for u in us]
        if not here:
            return self._result("daily_users", since, until, [], per=per)
        begins = starts(since, until, per)
        seen: set[str] = set()
        data, at = [], 0
        for start, end in zip(begins, [*begins[1:], until], strict=True):
            active = set()
            while at < len(here) and here[at][0] < end:
                active.add(here[at][1])
                at += 1
            new = len(active - seen)
            seen |= active
            row = {"users": len(active), "new": new, "total": len(seen)}
            data.append({"start": iso(start), **row})
        return self._result("daily_users", since, until, data, per=per)

    def active_users(self, since: datetime, until: datetime, per: Per) -> Result:
        found: dict[datetime, set[str]] = defaultdict(set)
        begins = starts(since, until, per)
        at = 0
        for t, _, users in self.events:
            if since <= t < until:
                while at + 1 < len(begins) and begins[at + 1] <= t:
                    at += 1
                found[begins[at]].update(users)
        data = [[last_day(b, per).isoformat(), len(found[b])] for b in sorted(found) if found[b]]
        return self._result("active_users", since, until, data, per=per)

    def cohorts(
        self, since: datetime, until: datetime, window: timedelta, step: timedelta
    ) -> Result:
        data, end = [], until
        days: dict[datetime, Counter[str]] = defaultdict(Counter)
        for t, _, users in self.events:
            days[t.replace(hour=0, minute=0, second=0)].update(users)
        while end >= since + window:
            counts: Counter[str] = Counter()
            for i in range(window.days):
                counts.update(days.get(end - timedelta(days=i + 1), {}))
            found = measure(counts.values())
            names = ("top_1", "next_9", "next_40", "rest")
            shares = dict(zip(names, found.top_shares or (None,) * 4, strict=True))
            row = {"start": iso(end - window), "end": iso(end), "n": found.n}
            data.append({**row, "total": found.total, **shares})
            end -= step
        some = any(row["n"] for row in data)
        return self._result("cohorts", since, until, data[::-1] if some else [], step=str(step))

    def returning(self, since: datetime, until: datetime) -> Result:
        months = defaultdict(set)
        for t, _, users in self.events:
            for user in users:
                months[user].add(t.year * 12 + t.month - 1)
        groups = defaultdict(list)
        for held in months.values():
            groups[min(held)].append(held)
        final = (until.year * 12 + until.month - 1) - (until.day == 1)
        data = []
        for group, people in sorted(groups.items()):
            for after in range(final - group + 1):
                active = sum(group + after in held for held in people)
                label = f"{group // 12}-{group % 12 + 1:02}"
                data.append(
                    {
                        "group": label,
                        "people": len(people),
                        "after": after,
                        "active": active,
                        "share": active / len(people),
                        "complete": group + after != final or until.day == 1,
                    }
                )
        return self._result("returning", since, until, data)

    def overload(self, since: datetime, until: datetime, **options: Any) -> Result:
        """Signs at random, the same ones for the same people."""
        users = sorted({u for _, _, us in self.events for u in us})
        names = ("load", "off_hours", "no_pause", "alone")
        rows: list[dict[str, Any]] = []
        for user in users:
            rng = random.Random(repr(user))
            signs = [name for name in names if rng.random() < 0.15]
            rows.append({"user": user, "signs": signs, "load": 9.0, "usual": None})
        rows.sort(key=lambda r: (-len(r["signs"]), r["user"]))
        if not options["people"]:
            enough = len(users) >= 10
            found = [(n, sum(n in r["signs"] for r in rows)) for n in names if users]
            rows = [
                {
                    "sign": name,
                    "people": n if enough else None,
                    "of": len(users),
                    "share": n / len(users) if enough else None,
                }
                for name, n in found
            ]
        return self._result("overload", since, until, rows)


class Answers:
    """Answers every query with the same data, and remembers what was asked."""

    def __init__(self, data: Any, diagnostics: dict[str, Any] | None = None) -> None:
        self.data, self.diagnostics = data, diagnostics or {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def answer(since: datetime, until: datetime, **more: Any) -> Result:
            self.asked.append((name, {"since": since, "until": until, **more}))
            rows = self.data.get(name, []) if isinstance(self.data, dict) else self.data
            return Result(name, {}, rows, since, until, 9, diagnostics=self.diagnostics)

        return answer


def view(function: Any, data: Any, days: float = 28, /, notes: Any = None, **options: Any) -> Any:
    """The picture of an answer, over a range from 5 January 2026; it may be published."""
    since = datetime(2026, 1, 5, tzinfo=UTC)
    until = since + timedelta(days=days)
    drawing = function(Answers(data, notes), Chart(), since, until, **options)
    assert faults(drawing.svg()) == []
    return drawing
