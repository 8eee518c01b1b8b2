"""The event of a webhook's delivery: topic, time and id by `[hook.NAME]`, people by families.

The topic is NAME.EVENT.ACTION. Families are matched by this topic, and the built-in ones by
`hook.KIND.EVENT`, so that they apply whatever NAME is. The key `time` of a family lists the paths
of the time at which the event happened; the first value that is a time counts, else the arrival.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hubbub.collector.decode.deliveries import content_hash, hook_name, read
from hubbub.collector.decode.reasons import MAX_ID
from hubbub.collector.decode.timestamps import lenient_micros
from hubbub.collector.decode.values import payload_size
from hubbub.collector.event import Event, Frame
from hubbub.collector.names import normalise, normalise_object
from hubbub.collector.people.paths import Path, Source
from hubbub.collector.people.rule import NO_RULE, Rule
from hubbub.collector.people.rules import Rules

__all__ = ["MAX_WORD", "event_of_delivery", "word"]

Directory = Mapping[str, str] | None

MAX_WORD = 64  # characters of EVENT and of ACTION
#: µs that a payload's time may be after its arrival, since clocks differ; beyond, arrival counts.
_AHEAD = 86_400_000_000
#: Characters below which an id is a counter of its sender rather than unique in the world.
_UNIQUE = 16
_NOT_OF_WORD = re.compile(r"[^a-z0-9_-]+")


def word(value: Any) -> str:
    """Return a value as a word of a topic: lower case, `_` for other characters; may be empty."""
    if not isinstance(value, str):
        return ""
    return _NOT_OF_WORD.sub("_", value[: 4 * MAX_WORD].strip().lower()).strip("_")[:MAX_WORD]


def event_of_delivery(
    frame: Frame, rules: Rules, directory: Directory = None, missed: dict[str, str] | None = None
) -> Event:
    """Decode a delivery.

    Args:
        frame: of the kind `hook`.
        rules: the user's and the built-in ones.
        directory: e-mail or nick → account.
        missed: receives event id → why (`extract.MISSED`) if the rules yielded no name.

    Raises:
        MessageError: the body is no JSON object, or is nested too deep.
    """
    name = hook_name(frame)
    delivery, body = read(frame)
    how = rules.hook(name, delivery.kind)
    source = Source(body, name, directory=directory)
    event = _first_word(how.event, source) or word(delivery.event) or "event"
    action = _first_word(how.action, source) or word(delivery.action).removeprefix(f"{event}_")
    topic = ".".join(filter(None, (name, event, action)))
    source = Source(body, topic, directory=directory)
    found = rules.find(topic, f"hook.{delivery.kind}.{event}", hook=True)
    rule = found or NO_RULE
    agent, users = _people(rule, source)
    objects = _sorted(normalise_object(value) for path in rule.objects for value in path(source))
    id_ = _id(_first_text(how.id, source) or delivery.id, name, frame.body)
    if missed is not None and not (agent or users or objects) and (found is None or not rule.empty):
        missed[id_] = "no-rule" if found is None else "no-fit"
    return Event(
        id_,
        _time(rule, source, frame.arrived),
        topic,
        name,
        agent,
        users,
        objects,
        topic[len(name) + 1 :],
        payload_size(body),
        frame.source,
        frame.seq,
    )


def _people(rule: Rule, source: Source) -> tuple[str | None, tuple[str, ...]]:
    """Return agent and users; who acted is always a user."""
    directory = source.directory
    names = (normalise(value, directory) for path in rule.agent for value in path(source))
    agent = next((name for name in names if name is not None), None)
    users = _sorted(normalise(v, directory) for path in rule.users for v in path(source))
    if agent is not None:
        users = _sorted((*users, agent))
    elif not rule.agent and len(users) == 1:
        agent = users[0]
    return agent, users


def _time(rule: Rule, source: Source, arrived: int) -> int:
    for path in rule.time:
        for value in path(source)[:1]:
            time = lenient_micros(value)
            if time is not None and time <= arrived + _AHEAD:
                return time
    return arrived


def _id(stated: str, name: str, body: bytes) -> str:
    """Return the id of an event; a counter such as `28` is unique only with the hook's name."""
    if not stated:
        return content_hash(name, body)
    if len(stated) > MAX_ID or not stated.isprintable():
        return content_hash(name, stated.encode("utf-8", "surrogatepass"))
    return f"{name}:{stated}" if len(stated) < _UNIQUE else stated


def _first_text(paths: Iterable[Path], source: Source) -> str:
    for path in paths:
        for value in path(source)[:1]:
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            if isinstance(value, str) and value:
                return value
    return ""


def _first_word(paths: Iterable[Path], source: Source) -> str:
    return next(filter(None, (word(_first_text([path], source)) for path in paths)), "")


def _sorted(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name is not None}))
