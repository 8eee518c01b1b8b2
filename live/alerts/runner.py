"""Judge the rules of a store as time goes on, and record what changes.

It runs beside the loader, of whichever process loads, after each of its runs (`Alerting.step`).
Each rule has a checkpoint, the next tick to judge. The checkpoint, the changes and what is to be
sent are written in one transaction, and only if no other process has written the checkpoint
meanwhile: after a crash at any moment nothing is raised twice or lost, and of two processes that
judge at once one has no effect.

A rule is judged up to the present, less some seconds for late messages. As long as messages of the
past arrive (a test, or a backlog) it follows their time instead. A new rule begins with the
present; in a store without events, with the first one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from hubbub.collector.event import Frame
from hubbub.collector.topics import ALERTS
from hubbub.config import Config
from hubbub.live.alerts.evaluate import Standing, Transition
from hubbub.live.alerts.heard import known_until
from hubbub.live.alerts.judge import Judge
from hubbub.live.alerts.rules import AlertRule, read_rules
from hubbub.logger import get_logger
from hubbub.memory import available
from hubbub.store.query.selection import Selection, bot_globs
from hubbub.store.state import alerts
from hubbub.store.state.alerts import ENDED, RAISED, Change, NewChange
from hubbub.times import from_micros, iso

if TYPE_CHECKING:
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["SOURCE", "Alerting", "new_change", "standing_of"]

#: Source of the events that alerts are.
SOURCE = "jsonl:alerts"
_PREFIX = "alert:"  # of the checkpoints of rules
_CLOCK, _WRITTEN = "alerts:clock", "alerts:written"
_SECOND = 1_000_000  # µs
_SETTLE = (2 * _SECOND, 10 * _SECOND)  # least and most time for late messages
_IDLE = 20 * _SECOND  # without newer messages the time of the clock counts
_SILENT = 60 * _SECOND  # a ledger that was not written for so long is not waited for
_DAY = 86_400 * _SECOND
#: Changes that are noticed later than this are recorded, and not sent.
_STALE = _DAY
#: Ticks of overload that are made up for: each takes a query over the whole past.
_MOST_OF_OVERLOAD = 7
_EVENTS = {RAISED: "alert raised", ENDED: "alert ended"}
_LONGEST_OBJECT = 255  # characters
_MEMORY = 512_000_000  # bytes at most of the query engine, beside the loader in its process
_SHARE = 4  # and this part of what the process may use: a quarter
_log = get_logger("hubbub.alerts")


@dataclass(frozen=True, slots=True)
class Alerting:
    """The rules of a store; picklable.

    Attributes:
        rules: as configured.
        base: who counts, as configured.
    """

    rules: tuple[AlertRule, ...]
    base: Selection = field(default_factory=Selection)

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return the rules of a configuration.

        Raises:
            UsageError: a rule is not valid.
        """
        people = config.people
        return cls(
            read_rules(config.alerts),
            Selection(
                by=config.by or "users",
                bot_names=bot_globs(people.bots, people.more_bots),
            ),
        )

    def begin(self, store: Store, now: int | None = None) -> None:
        """Give new rules their beginning; called before anything is loaded.

        Args:
            store: an open store.
            now: µs since the epoch; None: the clock's.
        """
        if not self.rules or store.read_only:
            return
        at = _now() if now is None else now
        store.engine_memory = store.engine_memory or min(_MEMORY, available() // _SHARE)
        for rule in self.rules:
            if _checkpoint(store.state, rule) is None:
                _begin(store, rule, at)
        names = {store.state.forgotten.text(rule.name) for rule in self.rules}
        _end_removed(store.state, names, at)

    def step(self, store: Store, now: int | None = None) -> list[Change]:
        """Judge what can be judged now; return what has changed.

        Args:
            store: an open store; waiting messages are not loaded.
            now: µs since the epoch; None: the clock's.

        Raises:
            HubbubError: the store cannot be read or written; what was judged before is recorded.
        """
        if not self.rules or store.read_only:
            return []
        at = _now() if now is None else now
        self.begin(store, at)
        judge = Judge(store, at, self.base)
        until = self._judged_until(store.state, judge, at)
        changes = [
            change
            for rule in self.rules
            for change in _step(store.state, rule, judge, until - _settle(rule), at)
        ]
        _write_events(store)
        for change in changes:
            named = change.subject and not change.names_person
            subject = {"subject": change.subject} if named else {}
            _log.warning(
                _EVENTS[change.state],
                rule=change.rule,
                number=change.number,
                measured=change.measured,
                expected=change.expected,
                time=iso(from_micros(change.time)),
                **subject,
            )
        return changes

    def _judged_until(self, state: State, judge: Judge, now: int) -> int:
        """Return until when (µs) everything has arrived that arrives in time."""
        newest = judge.past.newest
        # What is older than what was judged is no backlog: the bus is quiet.
        if newest is not None and self._judged(state) <= newest < now - _IDLE:
            last = state.get(_CLOCK)
            if last is None or newest > last["newest"]:
                state.set(_CLOCK, {"newest": newest, "at": now})
                return newest
            if last["at"] > now - _IDLE:
                return newest
        known = known_until(judge.past.spans)
        return known if known is not None and now - _SILENT < known < now else now

    def _judged(self, state: State) -> int:
        """Return the end of the latest tick that was judged, µs; 0: there is none."""
        found = [(rule, _checkpoint(state, rule)) for rule in self.rules]
        return max(
            (before["next"] * rule.tick for rule, before in found if before and before["next"]),
            default=0,
        )


def _now() -> int:
    return time.time_ns() // 1000


def _settle(rule: AlertRule) -> int:
    least, most = _SETTLE
    return min(max(rule.tick, least), most)


def _key(rule: str) -> str:
    return _PREFIX + rule


def _checkpoint(state: State, rule: AlertRule) -> dict[str, Any] | None:
    """Return the checkpoint of a rule; None if there is none of this definition."""
    found: dict[str, Any] | None = state.get(_key(rule.name))
    return found if found is not None and found["definition"] == rule.definition else None


def _begin(store: Store, rule: AlertRule, now: int) -> None:
    """Begin with the present, or where there is no event yet, with the first one."""
    following = None if store.bounds() is None else max(0, now - _settle(rule)) // rule.tick
    with store.state.transaction():
        if _checkpoint(store.state, rule) is not None:
            return
        _end_all(store.state, rule.name, now, "the rule was changed")
        store.state.set(_key(rule.name), {"definition": rule.definition, "next": following})


def _end_removed(state: State, names: set[str], now: int) -> None:
    for key in state.keys(_PREFIX):
        name = key.removeprefix(_PREFIX)
        if name not in names:
            with state.transaction():
                _end_all(state, name, now, "the rule was removed")
                state.set(key, None)


def _end_all(state: State, rule: str, now: int, why: str) -> None:
    """End the alerts of a rule that is not judged any more."""
    rule = state.forgotten.text(rule)
    ended = [
        NewChange(
            rule=rule,
            subject=change.subject,
            state=ENDED,
            time=now,
            detected=now,
            measured=None,
            expected=None,
            measure=change.measure,
            per=change.per,
            details={"reason": why},
        )
        for change in alerts.opened(state)
        if change.rule == rule
    ]
    alerts.apply(state, rule, [(change, ()) for change in ended], {})


def _step(state: State, rule: AlertRule, judge: Judge, until: int, now: int) -> list[Change]:
    """Judge a rule up to a time, and record it."""
    before = _checkpoint(state, rule)
    if before is None or judge.past.oldest is None:
        return []
    start, end = before["next"], until // rule.tick
    if start is None:
        start = judge.past.oldest // rule.tick
    if rule.measure == "overload":
        start = max(start, end - _MOST_OF_OVERLOAD)
    if end <= start:
        return []
    judged = judge.judge(rule, start, end, standing_of(state, rule))
    new = [new_change(rule, subject, change, now) for subject, change in judged.changes]
    pending = {
        subject: (standing.since + 1) * rule.tick
        for subject, standing in judged.standing.items()
        if standing.since is not None and not standing.on
    }
    with state.transaction():
        if state.get(_key(rule.name)) != before:
            return []  # another process was faster
        recorded = alerts.apply(
            state,
            rule.name,
            [(change, rule.notify if now - change.time <= _STALE else ()) for change in new],
            pending,
        )
        state.set(_key(rule.name), {**before, "next": end})
    return recorded


def standing_of(state: State, rule: AlertRule) -> dict[str, Standing]:
    """Return what holds of a rule, by subject, as the state has it."""
    return {
        subject: Standing(condition.since // rule.tick - 1, condition.change is not None)
        for subject, condition in alerts.conditions(state, rule.name).items()
    }


def new_change(rule: AlertRule, subject: str, change: Transition, detected: int) -> NewChange:
    """Return what is to be recorded of a transition.

    Args:
        rule: of the alert.
        subject: of the alert.
        change: what happened.
        detected: µs since the epoch.
    """
    return NewChange(
        rule=rule.name,
        subject=subject,
        state=change.state,
        time=(change.tick + 1) * rule.tick,
        detected=detected,
        measured=change.value.measured,
        expected=change.value.expected,
        measure=rule.measure,
        per=rule.per,
        details={
            **change.value.details,
            "since": (change.since + 1) * rule.tick,
            "threshold": float(rule.threshold),
        },
    )


def _write_events(store: Store) -> None:
    """Write the events that changes are to the spool, each once: their ids are those of changes."""
    written = int(store.state.get(_WRITTEN) or 0)
    new = alerts.after(store.state, written)
    if not new:
        return
    with store.spool("alerts") as spool:
        for frame in _frames(new):
            spool.put(frame)
        spool.flush()
    store.state.set(_WRITTEN, new[-1].number)


def _frames(changes: Iterable[Change]) -> Iterable[Frame]:
    for change in changes:
        shown = change.subject and not change.names_person and len(change.subject)
        objects = [change.rule]
        if shown and shown <= _LONGEST_OBJECT:
            objects.append(change.subject)
        document = {
            "id": f"hubbub-alert-{change.number}",
            "timestamp": iso(from_micros(change.time)),
            "topic": ALERTS + change.state,
            "users": [],
            "objects": objects,
            "action": change.state,
        }
        body = json.dumps(document, ensure_ascii=False).encode()
        yield Frame(SOURCE, change.detected, b"", body, change.number)
