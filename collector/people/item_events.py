"""The events of an item of a forge: an issue was opened, has comments, was closed.

`[[event]]` tables of the rules say which; the built-in ones are in rules-forges.toml.

    [[event]]
    items = ["github issue"]           # globs on backend and category (GH Archive: gharchive TYPE)
    each = "data.comments_data[]"      # one event for each of these; paths see it as `each`
    only = [{ path = "each.body", not = [""] }]  # conditions with `is` or `not`; all must hold
    topic = "github.issue.comment"     # may contain {path}
    time = ["each.created_at"]         # the first that is a time
    id = ["origin > site", "'comment'", "each.id"]  # joined; the same in every fetch of the item
    agent = ["each.user.login"]        # without `users`, the agent is the user
    objects = ["origin > path"]
    number = "data.number"             # of the issue, counted without holes among
    numbers = "issues"                 #   these
    repository = "origin > site"       #   of this repository

Events of an item are independent: one without a time is refused, the others are not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hubbub.collector.decode.items import Item
from hubbub.collector.decode.reasons import MAX_ID, MAX_TOPIC, refuse
from hubbub.collector.decode.timestamps import lenient_micros
from hubbub.collector.decode.values import payload_size
from hubbub.collector.event import Event, Frame
from hubbub.collector.names import normalise, normalise_object
from hubbub.collector.people.entries import (
    Condition,
    Conditional,
    Test,
    compile_conditions,
    compile_entry,
    globs_pattern,
)
from hubbub.collector.people.paths import Path, Source, compile_path
from hubbub.errors import MessageError, UsageError

__all__ = ["EventRule", "EventTable", "compile_events", "events_of_item"]

Directory = Mapping[str, str] | None

_PLACE = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"[\w-]{1,100}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class EventTable(msgspec.Struct, forbid_unknown_fields=True):
    """An `[[event]]` as written."""

    items: list[str]
    topic: str
    time: list[str]
    id: list[str]
    each: str | None = None
    only: list[Condition] = []
    agent: list[str | Conditional] = []
    users: list[str | Conditional] = []
    objects: list[str | Conditional] = []
    number: str | None = None
    numbers: str | None = None
    repository: str | None = None
    note: str = ""


class _Numbering(msgspec.Struct, frozen=True):
    number: Path
    repository: Path
    numbers: str


class EventRule(msgspec.Struct, frozen=True):
    """A compiled `[[event]]`."""

    items: re.Pattern[str]
    each: Path | None
    holds: Test
    topic: Callable[[Source], str]
    time: tuple[Path, ...]
    id: tuple[Path, ...]
    agent: tuple[Path, ...]
    users: tuple[Path, ...]
    objects: tuple[Path, ...]
    numbering: _Numbering | None


def compile_events(table: EventTable) -> EventRule:
    """Compile an `[[event]]`.

    Raises:
        UsageError: it is not complete, or has an invalid path.
    """
    for name in ("items", "topic", "time", "id"):
        if not getattr(table, name):
            raise UsageError(f"an event needs `{name}`")
    stated = [name for name in ("number", "numbers", "repository") if getattr(table, name)]
    if stated and len(stated) < 3:  # noqa: PLR2004 - all of them
        raise UsageError("`number`, `numbers` and `repository` belong together")
    return EventRule(
        items=globs_pattern([glob.lower() for glob in table.items]),
        each=None if table.each is None else compile_path(table.each),
        holds=compile_conditions(table.only),
        topic=_topic(table.topic),
        time=tuple(map(compile_path, table.time)),
        id=tuple(map(compile_path, table.id)),
        agent=tuple(map(compile_entry, table.agent)),
        users=tuple(map(compile_entry, table.users)),
        objects=tuple(map(compile_entry, table.objects)),
        numbering=None
        if table.number is None
        else _Numbering(
            compile_path(table.number),
            compile_path(table.repository or ""),
            table.numbers or "",
        ),
    )


def _topic(text: str) -> Callable[[Source], str]:
    """Compile a topic; `{path}` stands for a word of the item."""
    literal = _PLACE.split(text)
    paths = [compile_path(path) for path in literal[1::2]]
    if not paths:
        return lambda _: text

    def run(source: Source) -> str:
        words = [_text(path(source)) for path in paths]
        if not all(map(_WORD.fullmatch, words)):
            raise refuse("bad-topic", text)
        return "".join(a + b for a, b in zip(literal[::2], [*words, ""], strict=True))

    return run


def events_of_item(
    item: Item, frame: Frame, rules: Sequence[EventRule], directory: Directory = None
) -> list[Event | MessageError]:
    """Return the events of an item, and an error for each that cannot be read.

    Args:
        item: the parsed frame.
        frame: as received.
        rules: of this kind of item.
        directory: e-mail or nick → account.
    """
    events: dict[str, Event] = {}  # parts with the same id are one event, the first
    errors: list[MessageError] = []
    for rule in rules:
        for source, part in _parts(rule, item, directory):
            try:
                if rule.holds(source):
                    event = _event(rule, source, part, frame)
                    events.setdefault(event.id, event)
            except MessageError as error:
                errors.append(error)
    return [*events.values(), *errors]


def _parts(rule: EventRule, item: Item, directory: Directory) -> Iterator[tuple[Source, Any]]:
    """Yield what the paths of a rule are applied to, and the part of the item that it is about."""
    whole = Source(item.body, directory=directory, content=item.content)
    if rule.each is None:
        yield whole, item.body.get("data", item.body)
        return
    for part in rule.each(whole):
        body = {**item.body, "each": part}
        yield Source(body, directory=directory, content=item.content), part


def _event(rule: EventRule, source: Source, part: Any, frame: Frame) -> Event:
    topic = rule.topic(source)
    if len(topic) > MAX_TOPIC:
        raise refuse("bad-topic", topic[:80])
    agent, users = _people(rule, source)
    category, _, action = topic.partition(".")
    return Event(
        _id(rule, source, topic),
        _time(rule, source, topic),
        topic,
        category,
        agent,
        users,
        _sorted(normalise_object(value) for path in rule.objects for value in path(source)),
        action or None,
        payload_size(part),
        frame.source,
        frame.seq,
        _extra(rule.numbering, source),
    )


def _people(rule: EventRule, source: Source) -> tuple[str | None, tuple[str, ...]]:
    names = (normalise(v, source.directory) for path in rule.agent for v in path(source))
    agent = next((name for name in names if name is not None), None)
    users = _sorted(normalise(v, source.directory) for path in rule.users for v in path(source))
    if not rule.users:
        users = () if agent is None else (agent,)
    elif agent is None and not rule.agent and len(users) == 1:
        agent = users[0]
    return agent, users


def _id(rule: EventRule, source: Source, topic: str) -> str:
    parts = [_text(path(source)) for path in rule.id]
    if not all(parts):
        raise refuse("no-id", topic)
    name = " ".join(parts)
    if len(name) <= MAX_ID and name.isprintable():
        return name
    return f"sha256-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def _time(rule: EventRule, source: Source, topic: str) -> int:
    values = [value for path in rule.time for value in path(source)[:1] if value != ""]
    for value in values:
        if (time := lenient_micros(value)) is not None:
            return time
    if values:
        raise refuse("bad-time", topic, repr(values[0])[:80])
    raise refuse("no-time", topic)


def _extra(numbering: _Numbering | None, source: Source) -> dict[str, str] | None:
    """Return what the estimate of completeness needs of an event that has a number."""
    if numbering is None:
        return None
    number = _text(numbering.number(source))
    repository = normalise_object(_text(numbering.repository(source)))
    if repository is None or not _NUMBER.fullmatch(number):
        return None
    return {"number": number, "numbers": numbering.numbers, "repository": repository}


def _text(values: list[Any]) -> str:
    """Return the first value as text, "" if it is neither text nor number."""
    value = values[0] if values else ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _sorted(names: Iterator[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name is not None}))
