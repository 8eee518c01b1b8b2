"""The view `alerts`: when traffic rose above its own average, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.alerts.judged import JudgedRule
from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import whole_ticks
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, moment, needs_year
from hubbub.charts.picture.sheet import finite, records
from hubbub.charts.views.alert_rules import explained_rule, lane, shown
from hubbub.charts.views.alert_rules import finding as of_rules
from hubbub.language import N_, _, in_english, pgettext
from hubbub.language.numbers import amount, decimal
from hubbub.language.wording import duration, duration_after_in, mean_over
from hubbub.registry import view

if TYPE_CHECKING:
    from hubbub.charts.graphs.alert_lanes import Span

__all__ = ["alerts", "resolution_of"]

_POINTS = 750  # per line; two hours are 720 ticks of 10 s
_SECONDS = (
    *(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000),
)
_FINEST = timedelta(seconds=10)
#: `measure`, `short`, `long`, `threshold` and `resolution` that are not given.
_DEFAULTS = ("messages", 12, 120, 1.5, None)
_RATES = (
    (1, N_("{values} per second: {sentence}")),
    (60, N_("{values} per minute: {sentence}")),
    (3600, N_("{values} per hour: {sentence}")),
    (86_400, N_("{values} per day: {sentence}")),
)
_EACH = 5  # a rate is given per the shortest unit in which at least this many happen


@dataclass(frozen=True, slots=True)
class Alert:
    """When an alert was raised and ended (None: still open), and its peak.

    `peak` is in multiples of the long average; None if that was 0.
    """

    start: datetime
    end: datetime | None
    peak: float | None

    @property
    def reached(self) -> str:
        """The peak in words: `3.21×`, as exact as a threshold is."""
        if self.peak is None:
            return _("out of silence")
        return decimal(f"{round(self.peak, 2):,}".removesuffix(".0")) + "×"


def resolution_of(length: timedelta) -> timedelta:
    """Return a resolution with about 700 ticks in a range, at least 10 s."""
    ticks = (timedelta(seconds=s) for s in _SECONDS if timedelta(seconds=s) >= _FINEST)
    return next((t for t in ticks if length <= _POINTS * t), timedelta(seconds=_SECONDS[-1]))


def _lines(short: timedelta, threshold: float, long: timedelta) -> list[str]:
    """Name the lines: the mean of a short time, the threshold, and the mean of a long time."""
    factor = _("threshold {factor}×", factor=amount(threshold))
    return [mean_over(short), factor, mean_over(long)]


@view(names_people=False)
def alerts(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    alert_rules: Callable[[datetime, datetime], Sequence[JudgedRule]],
    *,
    measure: Literal["messages", "bytes"] = "messages",
    short: int = 12,
    long: int = 120,
    threshold: float = 1.5,
    resolution: timedelta | None = None,
) -> Drawing:
    """When traffic rose above its own average: both averages, and the alerts.

    Without parameters of its own it has a lane for each configured alert rule, and the averages of
    the first one that compares those of all messages. Without `--resolution` the range is divided
    into about 700 ticks.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        alert_rules: The configured rules.
        measure: What is averaged.
        short: Ticks of the short average.
        long: Ticks of the long average.
        threshold: Above how many times the long average there is an alert.
        resolution: Length of a tick; by default there are about 700.
    """
    from hubbub.charts.graphs.alert_lanes import Raised, RaisedPlan
    from hubbub.charts.graphs.common import capital, noun, time_axis
    from hubbub.charts.picture.canvas import draw

    own = (measure, short, long, threshold, resolution) != _DEFAULTS
    rules = () if own else alert_rules(since, until)
    listed = shown(rules)
    tick = resolution or resolution_of(until - since)
    explained = explained_rule(listed, until - since)
    if explained is not None and (chosen := listed[explained].averages) is not None:
        measure = "bytes" if chosen.measure == "bytes" else "messages"
        short, long, threshold, tick = (
            chosen.short,
            chosen.long,
            chosen.threshold,
            chosen.resolution,
        )
    whole = whole_ticks(since, until, tick)  # a tick that is not over would end an alert
    since, until = whole.since, whole.until
    result = query.alerts(
        since=since,
        until=until,
        resolution=tick,
        averages=_POINTS,
        measure=measure,
        short=short,
        long=long,
        threshold=threshold,
    )
    raised = _alerts(records(result), result.diagnostics["peaks"])
    points = result.diagnostics["averages"]
    if not any(finite(p["short_rate"]) for p in points):
        points = ()  # only zeros: no traffic
    times = [t for t in (as_time(p["time"]) for p in points) if t is not None]
    seconds, per = _unit([finite(p["short_rate"]) or 0 for p in points])
    short_mean = [_scaled(p["short_rate"], seconds) for p in points]
    long_mean = [_scaled(p["long_rate"], seconds) for p in points]
    limit = [None if v is None else v * threshold for v in long_mean]
    lines = tick * short, threshold, tick * long
    series = list(zip(_lines(*lines), (short_mean, limit, long_mean), strict=True))
    columns = in_english(_lines, *lines)
    if rules and explained is None:
        del series[1], columns[1]  # it is the threshold of no rule
    year = needs_year(since, until)
    means = _Means(tick * int(short), tick * int(long), threshold)
    nothing = _("No {unit} in this range", unit=noun(measure))
    finding = nothing
    if rules:
        finding = of_rules(rules, until, year=year)
    elif points:
        judged = as_time(result.diagnostics.get("judged_since"))
        # the hours before are only compared with
        length = None if judged is None else max(until - judged, tick)
        finding = _own_finding(raised, length, means, year=year)
    says = means.sentence
    if rules:
        says = _("below it, when each rule had an alert")
        if explained is not None:
            says = means.of_rule(text.in_title(listed[explained].name))
    page = chart.sheet(
        result,
        finding=finding,
        subtitle=_(per, values=capital(noun(measure)), sentence=says),
        empty=nothing,
    )
    xs, ticks = time_axis(times) if times else ((), ())
    lanes = _lanes(raised, times)
    if rules and times:
        lanes = [(text.named(rule.name), lane(rule, times[0], times[-1])) for rule in listed]
    return draw(
        Raised,
        page,
        RaisedPlan(xs, ticks, lanes=tuple(lanes), shaded=explained if rules else 0),
        series if points else [],
        columns=("time", *columns),
        rows=list(zip(times, *(values for _, values in series), strict=True)),
    )


def _alerts(changes: Sequence[Mapping[str, Any]], peaks: Sequence[float | None]) -> list[Alert]:
    """Pair the changes of state and the peaks to alerts."""
    starts = [as_time(change["time"]) for change in changes if change["state"] == "raised"]
    ends = [as_time(change["time"]) for change in changes if change["state"] == "ended"]
    ends += [None] * (len(starts) - len(ends))
    return [
        Alert(start, end, peak)
        for start, end, peak in zip(starts, ends, peaks, strict=True)
        if start is not None
    ]


@dataclass(frozen=True, slots=True)
class _Means:
    """The averages that are drawn."""

    short: timedelta
    long: timedelta
    threshold: float

    def of_rule(self, name: str) -> str:
        """What a rule compares with what."""
        return _(
            "{rule} compares the mean of {short} with {factor}× that of the {long} before",
            rule=name,
            **self._facts,
        )

    @property
    def sentence(self) -> str:
        """When an alert is raised."""
        return _(
            "an alert is raised while the mean of {short} is above {factor}× that of the {long} "
            "before",
            **self._facts,
        )

    @property
    def _facts(self) -> dict[str, str]:
        return {
            "short": duration_after_in(self.short),
            "factor": amount(self.threshold),
            "long": duration_after_in(self.long),
        }


def _own_finding(
    raised: Sequence[Alert], length: timedelta | None, means: _Means, *, year: bool
) -> str:
    """State what was found in the time that could be judged; None: there was none."""
    if length is None:
        return _(
            "No alert could be raised: the averages need more than {length} of traffic",
            length=duration(means.short + means.long),
        )
    if raised:
        return _finding(raised, duration_after_in(length), year=year)
    return _(
        "No traffic alert in the {length} that could be judged", length=duration_after_in(length)
    )


def _finding(raised: Sequence[Alert], length: str, *, year: bool) -> str:
    """State the number of alerts and the strongest."""
    strongest = max(raised, key=lambda alert: inf if alert.peak is None else alert.peak)
    when = moment(strongest.start, year=year)
    still_open = raised[-1].end is None
    if len(raised) == 1:
        if strongest.peak is None:
            finding = _(
                "One traffic alert in {length}: out of silence on {when}", length=length, when=when
            )
        else:
            finding = _(
                "One traffic alert in {length}, from {when}; at most {peak} the mean",
                length=length,
                when=when,
                peak=strongest.reached,
            )
        return _("{finding}, still open", finding=finding) if still_open else finding
    facts = {"n": amount(len(raised)), "length": length}
    finding = _("{n} traffic alerts in {length}", **facts)
    if still_open:
        finding = _("{n} traffic alerts in {length}, one still open", **facts)
    silent = sum(alert.peak is None for alert in raised)
    if silent:  # more than any multiple
        return _("{finding}; {n} out of silence", finding=finding, n=amount(silent))
    return _(
        "{finding}; the strongest, from {when}, reached {peak} the mean",
        finding=finding,
        when=when,
        peak=strongest.reached,
    )


def _unit(rates: Sequence[float]) -> tuple[float, str]:
    """Choose a readable unit of time for rates per second: its seconds and a subtitle's message."""
    most = max(rates, default=0)
    for seconds, name in _RATES:
        if most * seconds >= _EACH:
            return seconds, name
    return _RATES[-1]


def _scaled(rate: Any, seconds: float) -> float | None:
    value = finite(rate)
    return None if value is None else value * seconds


def _lanes(
    raised: Sequence[Alert], times: Sequence[datetime]
) -> list[tuple[str, tuple[Span, ...]]]:
    """Return the lane of the alerts that the averages raise; none without an alert."""
    from hubbub.charts.graphs.alert_lanes import Span

    own = tuple(Span(*_place(a, times), _labels(a), a.end is None) for a in raised)
    return [(_("alerts"), own)] if own else []


def _place(alert: Alert, times: Sequence[datetime]) -> tuple[float, float]:
    """Return start and end of an alert at 0…1 of the width."""
    first, last = times[0], times[-1]
    if first == last:
        return 0.0, 1.0

    def position(when: datetime) -> float:
        return min(max((when - first) / (last - first), 0.0), 1.0)

    return position(alert.start), position(alert.end or last)


def _labels(alert: Alert) -> tuple[str, ...]:
    """Return labels from long to short."""
    if alert.end is None:
        return _("{peak}, open", peak=alert.reached), alert.reached, pgettext("alert", "open")
    if alert.peak is None:
        return (alert.reached,)
    length = duration(alert.end - alert.start)
    return _("{peak} for {length}", peak=alert.reached, length=length), alert.reached
