"""`alerts`, `traffic` and `coverage`: pictures over time that count no people."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from tests.property.titles.facts import EPOCH, Facts, lengths, stretches, whole_ticks
from tests.property.titles.view import View
from tests.property.titles.wording import (
    brief,
    lasting,
    leading,
    many,
    moment,
    num,
    pct,
    years,
)
from tests.property.titles.worlds import HOUR, HTTP, SOURCES

#: The tick at whose end it is raised, whether it is open, and how high it goes (None: no limit).
Alert = tuple[int, bool, Fraction | None]


class Alerts(View):
    name = "alerts"
    people = False
    short, long, threshold = 2, 10, 2

    def choose(self) -> None:
        self.options = {"resolution": "1h", "short": 2, "long": 10, "threshold": 2}

    def narrow(self, facts: Facts) -> Facts:
        return whole_ticks(facts, HOUR)[0]

    def ticks(self, facts: Facts) -> tuple[datetime, list[int]]:
        """The start of the first tick, and the messages of each."""
        if not facts.messages:
            return facts.since, []
        first = EPOCH + (facts.messages[0].time - EPOCH) // HOUR * HOUR
        ticks = [0] * -((first - facts.until) // HOUR)
        for m in facts.messages:
            ticks[(m.time - first) // HOUR] += 1
        return first, ticks

    def alerts(self, ticks: list[int]) -> list[Alert]:
        alerts: list[Alert] = []
        on = False
        for k in range(self.short + self.long + 1, len(ticks) + 1):
            recent = Fraction(sum(ticks[k - self.short : k]), self.short)
            before = Fraction(sum(ticks[k - self.short - self.long : k - self.short]), self.long)
            above = recent > self.threshold * before
            ratio = recent / before if before else None
            if above and not on:
                alerts.append((k, True, ratio))
            elif above:
                start, _, highest = alerts[-1]
                if ratio is not None and highest is not None:
                    alerts[-1] = (start, True, max(highest, ratio))
                else:
                    alerts[-1] = (start, True, None)
            elif on:
                alerts[-1] = (alerts[-1][0], False, alerts[-1][2])
            on = above
        return alerts

    def title(self, facts: Facts) -> str:
        first, ticks = self.ticks(facts)
        if not any(sum(ticks[k - 2 : k]) for k in range(2, len(ticks) + 1)):
            return "No messages in this range"  # or too few ticks for a single mean
        if len(ticks) <= self.short + self.long:
            return "No alert could be raised: the averages need more than 12 h of traffic"
        length = lasting(facts.until - first - (self.short + self.long) * HOUR)
        alerts = self.alerts(ticks)
        if not alerts:
            return f"No traffic alert in the {length} that could be judged"
        return self.strongest(facts, first, alerts, length)

    def strongest(self, facts: Facts, first: datetime, alerts: list[Alert], length: str) -> str:
        best = max(alerts, key=lambda a: (a[2] is None, a[2] or 0, -a[0]))
        when = moment(first + best[0] * HOUR, year=years(facts.since, facts.until))
        ratio = f"{round(float(best[2] or 0), 2):,}".removesuffix(".0")
        still = alerts[-1][1]
        if len(alerts) == 1:
            what = (
                f": out of silence on {when}"
                if best[2] is None
                else f", from {when}; at most {ratio}× the mean"
            )
            return f"One traffic alert in {length}{what}" + (", still open" if still else "")
        title = f"{len(alerts)} traffic alerts in {length}" + (", one still open" if still else "")
        if silent := sum(highest is None for _, _, highest in alerts):
            return f"{title}; {silent} out of silence"
        return f"{title}; the strongest, from {when}, reached {ratio}× the mean"

    def subtitle(self, facts: Facts, said: str) -> str:
        _, ticks = self.ticks(facts)
        sums = [sum(ticks[k - 2 : k]) for k in range(2, len(ticks) + 1)]
        per_hour = max(sums, default=0) / 2
        units = ((3600, "second"), (60, "minute"), (1, "hour"))
        per = next((name for seconds, name in units if per_hour / seconds >= 5), "day")
        return (
            f"Messages per {per}: an alert is raised while the mean of 2 h is above 2× that of "
            "the 10 h before"
        )


class Traffic(View):
    name = "traffic"
    people = False

    def choose(self) -> None:
        self.options = {"period": self.rng.choice(("1h", "1d", None))}

    def length(self, facts: Facts) -> timedelta:
        named = {"1h": HOUR, "1d": 24 * HOUR}
        if self.options["period"] in named:
            return named[self.options["period"]]
        room = facts.world.range[1] - facts.world.range[0]
        minutes = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 43_200)
        lengths = [timedelta(seconds=10), *(timedelta(minutes=m) for m in minutes)]
        return next(length for length in lengths if room <= 100 * length)

    def narrow(self, facts: Facts) -> Facts:
        return whole_ticks(facts, self.length(facts), kept=True)[0]

    def title(self, facts: Facts) -> str:
        length, requests = self.length(facts), [m for m in facts.messages if m.topic == HTTP]
        if not requests:
            return "No requests of a web server in this range"
        sections = Counter(m.objects[0] if m.objects else "no section" for m in requests)
        total, most = sections.total(), max(sections.values())
        leaders = sorted(name for name, n in sections.items() if n == most)
        if total == 1:
            first = f"One request, to {leaders[0]}"
        elif len(sections) == 1:
            first = f"All {many(total, 'request')} went to {leaders[0]}"
        else:
            first = leading(leaders, f"{pct(most / total)} of {num(total)} requests")
        periods = Counter((m.time - EPOCH) // length for m in requests)
        if max(periods) == min(periods):
            return first
        high = max(periods.values())
        peaks = [period for period, n in periods.items() if n == high]
        name = {"1 h": "hour", "1 min": "minute"}.get(lasting(length), lasting(length))
        if len(peaks) > 1:
            return f"{first}; at most {num(high)} in all per {name}"
        when = moment(EPOCH + peaks[0] * length, year=years(facts.since, facts.until))
        return f"{first}; the busiest {name} began on {when}: {num(high)} in all"

    def subtitle(self, facts: Facts, said: str) -> str:
        length, requests = self.length(facts), [m for m in facts.messages if m.topic == HTTP]
        name = {"1 h": "hour", "1 min": "minute"}.get(lasting(length), lasting(length))
        parts = [f"Requests per {name} by section of the site"]
        if requests:
            parts.append(f"{brief(0)} B answered in all" if "; 0 B" in said else self.size(said))
        asked = Facts(facts.world, *facts.world.range)
        parts += whole_ticks(asked, length, kept=True)[1]
        sections = {m.objects[0] if m.objects else "no section" for m in requests}
        if len(sections) > 6:
            parts.append(f"the top 5 of {len(sections)}, the rest is other")
        columns = {(m.time - EPOCH) // length for m in requests}
        number = max(columns) - min(columns) + 1 if columns else 0
        if number > 200:
            parts.append(f"each column is the mean of {-(-number // 200)} of them")
        return "; ".join(parts)

    def size(self, said: str) -> str:
        """The bytes of lines are those of their text, which worlds do not draw."""
        return next(part for part in said.split("; ") if part.endswith(" answered in all"))


class Coverage(View):
    name = "coverage"
    people = False

    def title(self, facts: Facts) -> str:
        found = stretches(facts)
        sums, length = lengths(found), facts.until - facts.since
        if not length or sums[""] == length:
            if number := len(facts.messages):
                stored = "message is" if number == 1 else "messages are"
                return f"Completeness unknown: {num(number)} {stored} stored"
            return "Nothing is known about this range"
        total, proven = _words(length), sums["complete"] + sums["healed"]
        if proven == length:
            first = f"All of {total} is provably complete"
            if not sums["healed"]:
                return first
            return f"{first}; history covers {_words(sums['healed'])} that the bus missed"
        if proven:
            share = pct(min(proven / length, 0.9999))
            first = f"{share} of {total} is provably complete"
        else:
            first = f"Nothing of {total} is proven"
        states = ["", *(stretch.state for stretch in found)]
        gaps = sum(b == "gap" and a != "gap" for a, b in pairwise(states))
        if gaps:
            return f"{first}; {many(gaps, 'gap')} of {_words(sums['gap'])} left to heal"
        return f"{first}; no gap is known in the rest"

    def subtitle(self, facts: Facts, said: str) -> str:
        return "What is known of each moment, by source, and how much is proven"

    def labels(self, facts: Facts, texts: list[str]) -> None:
        found, length = stretches(facts), facts.until - facts.since
        if not facts.world.spans:
            return
        lanes = [[stretch.state for stretch in found]]
        lanes += [[stretch.by_source[source] for stretch in found] for source in SOURCES]
        for lane in lanes:
            proven = sum(
                (
                    stretch.length
                    for stretch, state in zip(found, lane, strict=True)
                    if state in {"complete", "healed"}
                ),
                timedelta(0),
            )
            share = pct(min(proven / length, 0.9999)) if proven else "–"
            assert not any(lane) or ("100%" if proven == length else share) in texts


def _words(length: timedelta) -> str:
    minutes = length / timedelta(minutes=1)
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        n = round(minutes / size, 1)
        if n >= 1:
            return f"{n:,g} {unit}{'' if n == 1 else 's'}"
    raise AssertionError(length)
