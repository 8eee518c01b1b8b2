"""Extract the agent, the users and the objects of messages.

The live bus, history and imports share this code, so a message id always gives the same people.
Users and objects are each taken from the first of these that has any:

1. the publisher's headers `fedora_messaging_user_NAME` and `fedora_messaging_rpm_NAME`;
2. names stated by a history service (`meta`) or an import;
3. the rules applied to the body (`rules.py`);
4. the envelope's `username`, only if a rule refers to it.

`users` and `packages` of a `/raw` row are ignored: they repeat the headers or, without headers,
the envelope's `username`, which `/v2/search` and the live bus do not report as a person.

A body that does not fit its rule yields nothing; no input raises. The agent is the one that the
rule yields, else the only user. With several users and no rule for the agent there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from hubbub.collector.decode import posted
from hubbub.collector.decode.deliveries import HOOK
from hubbub.collector.decode.formats import ITEM_FORMATS
from hubbub.collector.decode.items import Item, parse_item
from hubbub.collector.decode.message import (
    MAX_NAMES,
    Envelope,
    decode,
    decode_bus,
    partial_message,
)
from hubbub.collector.decode.message_id import BUS_FORMATS
from hubbub.collector.decode.reasons import MAX_TOPIC, refuse
from hubbub.collector.decode.rejected import LARGEST
from hubbub.collector.event import Event, Frame, Message, People, kind_of
from hubbub.collector.names import normalise, normalise_object, visible
from hubbub.collector.people.hook_events import event_of_delivery
from hubbub.collector.people.item_events import events_of_item
from hubbub.collector.people.paths import Path, Source
from hubbub.collector.people.rule import NO_RULE, Rule
from hubbub.collector.people.rules import Rules, builtin_rules
from hubbub.collector.topics import action, category
from hubbub.errors import MessageError

__all__ = ["MISSED", "events_of", "has_rule", "people", "people_of", "understand"]

Directory = Mapping[str, str] | None
_Names = Sequence[Any] | None  # None: not stated

#: Why the rules yielded nothing for a message, with the sentence shown to users.
MISSED = {
    "no-rule": "no rule matches the topic",
    "no-fit": "the topic's rule found nothing in the body",
}

#: Kinds of sources whose lines state all names; rules do not apply.
LOGS = frozenset(("notebook-events", "notebook-counts", "access-log"))
#: Those whose users are accounts, as on a bus.
_OF_ACCOUNTS = "access-log"

_PREFIX = "fedora_messaging_"
_USER = "fedora_messaging_user_"
_RPM = "fedora_messaging_rpm_"
_SCHEMA = "fedora_messaging_schema"
_FIELDS = Envelope.__struct_fields__
_NO_PEOPLE = People(None, (), ())
_CACHE_SIZE = 4_096  # topics of up to 1,000 characters, which strangers choose


def people(
    message: Message | Mapping[str, Any], *, directory: Directory = None, rules: Rules | None = None
) -> People:
    """Return the agent, users and objects of a message.

    Args:
        message: a `Message`, or a mapping in a format of the bus or its history: a fedmsg envelope,
            `{id?, topic, headers?, body}` or a history row.
        directory: e-mail or nick → account; addresses are never guessed.
        rules: defaults to the built-in rules; see `rules.load_rules`.

    Returns:
        Empty `People` for a mapping in another format; `people_lines` reports an error instead.
    """
    if not isinstance(message, Message):
        try:
            message = partial_message(Envelope(**{k: message[k] for k in _FIELDS if k in message}))
        except MessageError:
            return _NO_PEOPLE
    return people_of(message, directory, rules or builtin_rules())


def understand(
    frame: Frame,
    *,
    directory: Directory = None,
    rules: Rules | None = None,
    missed: dict[str, str] | None = None,
) -> Event:
    """Decode a frame into an event.

    Args:
        frame: a frame as received.
        directory: e-mail or nick → account; addresses are never guessed.
        rules: defaults to the built-in rules; see `rules.load_rules`.
        missed: receives message id → why (`MISSED`) if no rule applied and no names were stated.

    Raises:
        MessageError: the frame cannot be decoded (`decode.REASONS`).
    """
    return _event(frame, kind_of(frame.source), directory, rules or builtin_rules(), missed)


def _event(
    frame: Frame, kind: str, directory: Directory, rules: Rules, missed: dict[str, str] | None
) -> Event:
    if kind == posted.KIND:
        message = posted.read_posted(frame)
        names = _posted_names(message, directory, rules)
    else:
        of_bus = kind in BUS_FORMATS and len(frame.body) <= LARGEST
        message = decode_bus(frame, kind) if of_bus else decode(frame)
        if kind in LOGS:
            names = _stated(message, directory, accounts=kind == _OF_ACCOUNTS)
        else:
            rule = _rule(message, rules)
            names = _names(message, directory, rule or NO_RULE)
            if missed is not None and not (names.users or names.objects or names.agent):
                why = _why_missed(message, rule)
                if why and not (message.body is None and kind == "jsonl"):  # the body is optional
                    missed[message.id] = why
    topic, group, verb = _columns(message.topic)
    return Event(
        message.id,
        message.time,
        topic,
        group,
        names.agent,
        names.users,
        names.objects,
        visible(message.action) if message.action else verb,
        message.size,
        frame.source,
        message.seq,
        message.extra,
    )


@lru_cache(maxsize=_CACHE_SIZE)
def _columns(topic: str) -> tuple[str, str, str | None]:
    """Return the columns `topic`, `category` and `action` of a message's topic."""
    shown = visible(topic)
    return shown, category(shown), action(shown)


def events_of(
    frame: Frame,
    *,
    directory: Directory = None,
    rules: Rules | None = None,
    missed: dict[str, str] | None = None,
) -> list[Event | MessageError]:
    """Decode a frame into its events: one, or those of an item (`decode.items`).

    Args:
        frame: as received.
        directory: see `understand`.
        rules: see `understand`.
        missed: see `understand`.

    Returns:
        Of an item, also an error for each event that cannot be read; the others are valid.

    Raises:
        MessageError: the frame cannot be decoded (`decode.REASONS`).
    """
    kind = frame.kind
    rules = rules or builtin_rules()
    if kind == HOOK:
        _check_size(frame)
        return [event_of_delivery(frame, rules, directory, missed)]
    if kind not in ITEM_FORMATS:  # refused frames, too
        return [_event(frame, kind, directory, rules, missed)]
    _check_size(frame)
    return _item_events(parse_item(frame.body), frame, directory, rules)


def _check_size(frame: Frame) -> None:
    if len(frame.body) > LARGEST:
        raise refuse("too-large", detail=f"{len(frame.body)} bytes")


def _item_events(
    item: Item, frame: Frame, directory: Directory, rules: Rules
) -> list[Event | MessageError]:
    found = rules.events(item.kind)
    if not found:
        raise refuse("no-rule", detail=item.kind)
    events = events_of_item(item, frame, found, directory)
    if not events:
        raise refuse("no-event", detail=item.kind)
    return events


def has_rule(topic: str, schema: str = "", rules: Rules | None = None) -> bool:
    """Whether a rule matches the topic; `hubbub status --unmapped` lists topics without one."""
    rules = rules or builtin_rules()
    return any(rules.find(topic, schema, modern=True, hook=hook) for hook in (False, True))


def people_of(message: Message, directory: Directory, rules: Rules) -> People:
    """Return the people and objects of a decoded message."""
    return _names(message, directory, _rule(message, rules) or NO_RULE)


def _rule(message: Message, rules: Rules) -> Rule | None:
    headers = message.headers
    if headers is None:
        return rules.find(message.topic)
    return rules.find(message.topic, _schema(headers), modern=True)


def _names(message: Message, directory: Directory, rule: Rule) -> People:
    users: _Names = message.users
    objects: _Names = message.objects
    if message.headers:
        in_headers = _header_names(message.headers)
        users, objects = in_headers[0] or users, in_headers[1] or objects
    stated = message.agent
    rule = rule.for_body(message.body)
    nothing_stated = users is None and objects is None and stated is None
    if nothing_stated and not (rule.users or rule.objects or rule.agent):
        return _NO_PEOPLE  # fast path: nine of ten messages of a bus
    source = Source(message.body, message.topic, message.username, directory)
    if stated is not None:  # by an import
        agent = normalise(stated, directory)
        if users is None and agent is not None:
            users = [agent]
        values: dict[Path, list[Any]] = {}
    else:
        agent, values = _agent(rule, source)
    if users is None:
        users = [
            value
            for path in rule.users
            for value in (values[path] if path in values else path(source))
        ]
    if objects is None:
        objects = [value for path in rule.objects for value in path(source)]
    named = {name for value in users if (name := normalise(value, directory)) is not None}
    touched = {name for value in objects if (name := normalise_object(value)) is not None}
    if agent is None and stated is None and len(named) == 1:
        (agent,) = named
    return People(agent, _sorted(named), _sorted(touched))


def _agent(rule: Rule, source: Source) -> tuple[str | None, dict[Path, list[Any]]]:
    """Return the first name, and what the paths to it yielded: users mostly begin with these."""
    values: dict[Path, list[Any]] = {}
    for path in rule.agent:
        values[path] = path(source)
        for value in values[path]:
            if (name := normalise(value, source.directory)) is not None:
                return name, values
    return None, values


def _stated(message: Message, directory: Directory, *, accounts: bool) -> People:
    """Return the names stated by a log line.

    Args:
        message: the line.
        directory: see `people`.
        accounts: normalise users as those of a bus; students of a notebook server are none.
    """
    users, agent = message.users or (), message.agent
    if accounts and users:
        users = tuple(name for user in users if (name := normalise(user, directory)) is not None)
        agent = None if agent is None else normalise(agent, directory)
    return People(
        agent and visible(agent),
        tuple(map(visible, users)),
        tuple(map(visible, message.objects or ())),
    )


def _posted_names(message: Message, directory: Directory, rules: Rules) -> People:
    """Return the names of a posted object: by a rule, or else by the keys that are usual."""
    names = people_of(message, directory, rules)
    if names.users or names.agent or message.users is not None or rules.find(message.topic):
        return names
    found = posted.names_in(message.body)
    stated = {"agent": found.agent, "users": found.users}
    if message.objects is None:
        stated["objects"] = found.objects
    return people_of(msgspec.structs.replace(message, **stated), directory, rules)


def _sorted(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names)) if len(names) > 1 else tuple(names)


def _why_missed(message: Message, rule: Rule | None) -> str | None:
    """Return why a message yielded no names; None if it states so itself or its rule is empty."""
    if not (message.users is None and message.objects is None and message.agent is None):
        return None
    if rule is None:
        return "no-rule"
    return None if rule.empty else "no-fit"


def _schema(headers: Mapping[str, Any]) -> str:
    stated = headers.get(_SCHEMA)
    return stated if isinstance(stated, str) and len(stated) <= MAX_TOPIC else ""


def _header_names(headers: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of users and of packages that are stated in headers."""
    users: list[str] = []
    packages: list[str] = []
    for key, value in headers.items():
        if key.startswith(_PREFIX) and value:
            if key.startswith(_USER):
                users.append(key[len(_USER) :])
            elif key.startswith(_RPM):
                packages.append(key[len(_RPM) :])
    return users[:MAX_NAMES], packages[:MAX_NAMES]
