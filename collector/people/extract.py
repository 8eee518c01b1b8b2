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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hubbub.collector.decode.message import MAX_NAMES, Envelope, decode, parse, partial_message
from hubbub.collector.decode.reasons import MAX_TOPIC
from hubbub.collector.event import Event, Frame, Message, People
from hubbub.collector.names import normalise, normalise_object, visible
from hubbub.collector.people.paths import Source
from hubbub.collector.people.rules import Rule, Rules, builtin_rules
from hubbub.collector.topics import action, category
from hubbub.errors import MessageError

__all__ = ["MISSED", "has_rule", "people", "people_lines", "understand"]

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

_USER = "fedora_messaging_user_"
_RPM = "fedora_messaging_rpm_"
_SCHEMA = "fedora_messaging_schema"
_FIELDS = Envelope.__struct_fields__
_NO_PEOPLE = People(None, (), ())
_NO_RULE = Rule((), (), ())


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
    return _people(message, directory, rules or builtin_rules())


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
    message = decode(frame)
    rules = rules or builtin_rules()
    is_log = frame.kind in LOGS
    if is_log:
        names = _stated(message, directory, accounts=frame.kind == _OF_ACCOUNTS)
    else:
        names = _people(message, directory, rules)
    if missed is not None and not is_log and not (names.users or names.objects or names.agent):
        why = _why_missed(message, rules)
        if why and not (message.body is None and frame.kind == "jsonl"):  # the body is optional
            missed[message.id] = why
    return Event(
        message.id,
        message.time,
        message.topic,
        category(message.topic),
        names.agent,
        names.users,
        names.objects,
        message.action or action(message.topic),
        message.size,
        frame.source,
        message.seq,
        message.extra,
    )


def has_rule(topic: str, schema: str = "", rules: Rules | None = None) -> bool:
    """Whether a rule matches the topic; `hubbub status --unmapped` lists topics without one."""
    rules = rules or builtin_rules()
    return rules.find(topic, schema, modern=True) is not None


def people_lines(
    lines: Iterable[bytes], directory: Directory = None, rules: Rules | None = None
) -> Iterator[dict[str, Any]]:
    """Return what `hubbub people FILE` prints: one dict for each line, in order.

    Lines need neither id nor time. For a line that cannot be decoded, the id is None, and `error`
    contains the reason and its sentence.
    """
    rules = rules or builtin_rules()
    for line in lines:
        try:
            envelope = parse(line)
            message = partial_message(envelope)
        except MessageError as error:
            yield _as_dict(None, None, _NO_PEOPLE) | {"error": f"{error.reason}: {error}"}
            continue
        message_id = envelope.msg_id if isinstance(envelope.msg_id, str) else envelope.id
        names = _people(message, directory, rules)
        yield _as_dict(message_id if isinstance(message_id, str) else None, message.topic, names)


def _as_dict(message_id: str | None, topic: str | None, names: People) -> dict[str, Any]:
    return {
        "id": message_id,
        "topic": topic,
        "agent": names.agent,
        "users": list(names.users),
        "objects": list(names.objects),
    }


def _people(message: Message, directory: Directory, rules: Rules) -> People:
    headers = message.headers
    users: _Names = message.users
    objects: _Names = message.objects
    schema = ""
    if headers:
        schema = _schema(message)
        users = _header_names(headers, _USER) or users
        objects = _header_names(headers, _RPM) or objects
    rule = rules.find(message.topic, schema, modern=headers is not None) or _NO_RULE
    if users is None and objects is None and message.agent is None and rule.empty:
        return _NO_PEOPLE  # fast path: nine of ten messages of a bus
    source = Source(message.body, message.topic, message.username, directory)
    if objects is None:
        objects = [value for path in rule.objects for value in path(source)]
    touched = {name for value in objects if (name := normalise_object(value)) is not None}
    if message.agent is not None:  # stated by an import
        agent = normalise(message.agent, directory)
        if users is None and agent is not None:
            users = [agent]
    else:
        agent = _agent(rule, source, directory)
    if users is None:
        users = [value for path in rule.users for value in path(source)]
    named = {name for user in users if (name := normalise(user, directory)) is not None}
    if agent is None and message.agent is None and len(named) == 1:
        (agent,) = named
    return People(agent, _sorted(named), _sorted(touched))


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


def _sorted(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names)) if len(names) > 1 else tuple(names)


def _why_missed(message: Message, rules: Rules) -> str | None:
    """Return why a message yielded no names; None if it states so itself or its rule is empty."""
    if not (message.users is None and message.objects is None and message.agent is None):
        return None
    rule = rules.find(message.topic, _schema(message), modern=message.headers is not None)
    if rule is None:
        return "no-rule"
    return None if rule.empty else "no-fit"


def _schema(message: Message) -> str:
    stated = message.headers.get(_SCHEMA) if message.headers else None
    return stated if isinstance(stated, str) and len(stated) <= MAX_TOPIC else ""


def _header_names(headers: Mapping[str, Any], prefix: str) -> list[str] | None:
    """Return the names in headers with a prefix; None if there is no such header."""
    names = [key[len(prefix) :] for key in headers if key.startswith(prefix) and headers[key]]
    return names[:MAX_NAMES] or None


def _agent(rule: Rule, source: Source, directory: Directory) -> str | None:
    for path in rule.agent:
        for value in path(source):
            if (name := normalise(value, directory)) is not None:
                return name
    return None
