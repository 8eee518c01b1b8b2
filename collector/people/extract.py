"""Message → People: who did it, whom the message names, what was touched.

One function serves the live bus, history and imports, so that one message id gives the same people
whichever way it came. In this order:

1. the headers `fedora_messaging_user_NAME`, `…_rpm_NAME` of the publisher (users, objects each on
   their own: where there is no such header, the next step answers);
2. what a history service (`meta`) or an import states;
3. the rules on the body (`rules.py`);
4. the envelope's `username`, only where a rule names it.

`users` and `packages` of a `/raw` row are read by nothing: with headers they repeat them, and
without headers they repeat the envelope's `username`, which `/v2/search` and the live bus do not
show as a person.

A body that a rule does not fit yields nothing; no input raises. The agent is what the rule says,
else the only user; nobody where several users are named and no rule says who of them acted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hubbub.collector.decode.message import MAX_NAMES, Envelope, decode, partial_message, parse
from hubbub.collector.event import Event, Frame, Message, People
from hubbub.collector.names import normalise, normalise_object
from hubbub.collector.people.paths import Source
from hubbub.collector.people.rules import Rule, Rules, builtin_rules
from hubbub.collector.topics import action, category
from hubbub.errors import MessageError

__all__ = ["MISSED", "has_rule", "people", "people_lines", "understand"]

Directory = Mapping[str, str] | None
_Names = Sequence[Any] | None

#: Why the rules said nothing about a message that they had to explain, as a person reads it.
MISSED = {
    "no-rule": "no rule knows the topic",
    "no-fit": "the topic's rule found nothing in the body",
}

#: Kinds of sources that state all there is to know.
LOGS = frozenset(("notebook-events", "notebook-counts", "access-log"))

_USER = "fedora_messaging_user_"
_RPM = "fedora_messaging_rpm_"
_SCHEMA = "fedora_messaging_schema"
_FIELDS = Envelope.__struct_fields__
_NOBODY = People(None, (), ())
_NO_RULE = Rule((), (), ())


def people(
    message: Message | Mapping[str, Any], *, directory: Directory = None, rules: Rules | None = None
) -> People:
    """Who and what a message names.

    Args:
        message: a `Message`, or a mapping in one of the forms of the bus and its history: a fedmsg
            envelope, `{id?, topic, headers?, body}`, a history row.
        directory: e-mail or nick → account; without it nothing is guessed.
        rules: other rules than hubbub's own (`rules.load_rules`).

    Returns:
        People without anybody for a mapping that is none of these forms; see `people_lines` for a
        caller that wants to know.
    """
    if not isinstance(message, Message):
        try:
            message = partial_message(Envelope(**{k: message[k] for k in _FIELDS if k in message}))
        except MessageError:
            return _NOBODY
    return _people(message, directory, rules or builtin_rules())


def understand(
    frame: Frame,
    *,
    directory: Directory = None,
    rules: Rules | None = None,
    missed: dict[str, str] | None = None,
) -> Event:
    """A frame as an event.

    Args:
        frame: what arrived.
        directory: e-mail or nick → account; without it nothing is guessed.
        rules: other rules than hubbub's own (`rules.load_rules`).
        missed: takes id → why (`MISSED`) where the rules had to answer and could not.

    Raises:
        MessageError: the frame cannot be read (`decode.REASONS`).
    """
    message = decode(frame)
    known = rules or builtin_rules()
    logged = frame.kind in LOGS
    found = _stated(message) if logged else _people(message, directory, known)
    if missed is not None and not logged and not (found.users or found.objects or found.agent):
        why = _why_nobody(message, known)
        if why and not (message.body is None and frame.kind == "jsonl"):  # which may have no body
            missed[message.id] = why
    return Event(
        message.id,
        message.time,
        message.topic,
        category(message.topic),
        found.agent,
        found.users,
        found.objects,
        message.action or action(message.topic),
        message.size,
        frame.source,
        message.seq,
        message.extra,
    )


def has_rule(topic: str, schema: str = "", rules: Rules | None = None) -> bool:
    """Whether a rule knows the topic; `hubbub status --unmapped` lists the others."""
    known = rules or builtin_rules()
    return known.find(topic, schema, modern=True) is not None


def people_lines(
    lines: Iterable[bytes], directory: Directory = None, rules: Rules | None = None
) -> Iterator[dict[str, Any]]:
    """What `hubbub people FILE` prints: one dict per line, in order, whatever the line holds.

    Id and time may be missing. A line that cannot be read gives an id of None and `error`, with the
    reason and its sentence.
    """
    known = rules or builtin_rules()
    for line in lines:
        try:
            row = parse(line)
            message = partial_message(row)
        except MessageError as error:
            yield _answer(None, None, _NOBODY) | {"error": f"{error.reason}: {error}"}
            continue
        identity = row.msg_id if isinstance(row.msg_id, str) else row.id
        found = _people(message, directory, known)
        yield _answer(identity if isinstance(identity, str) else None, message.topic, found)


def _answer(identity: str | None, topic: str | None, found: People) -> dict[str, Any]:
    return {
        "id": identity,
        "topic": topic,
        "agent": found.agent,
        "users": list(found.users),
        "objects": list(found.objects),
    }


def _people(message: Message, directory: Directory, rules: Rules) -> People:
    headers = message.headers
    users: _Names = message.users
    objects: _Names = message.objects
    schema = ""
    if headers:
        schema = _schema(message)
        users = _of_headers(headers, _USER) or users
        objects = _of_headers(headers, _RPM) or objects
    rule = rules.find(message.topic, schema, modern=headers is not None) or _NO_RULE
    if users is None and objects is None and message.agent is None and rule.empty:
        return _NOBODY  # nine of ten messages of a bus
    source = Source(message.body, message.topic, message.username, directory)
    if objects is None:
        objects = [value for path in rule.objects for value in path(source)]
    touched = {name for one in objects if (name := normalise_object(one)) is not None}
    if message.agent is not None:  # an import states it
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
    return People(agent, _ordered(named), _ordered(touched))


def _stated(message: Message) -> People:
    """What a line of a log says: its names are no accounts of a bus, and stay as they are."""
    return People(message.agent, message.users or (), message.objects or ())


def _ordered(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names)) if len(names) > 1 else tuple(names)


def _why_nobody(message: Message, rules: Rules) -> str | None:
    """Why nothing came out for a message; None where that is what it says itself."""
    if not (message.users is None and message.objects is None and message.agent is None):
        return None
    rule = rules.find(message.topic, _schema(message), modern=message.headers is not None)
    if rule is None:
        return "no-rule"
    return None if rule.empty else "no-fit"


def _schema(message: Message) -> str:
    stated = message.headers.get(_SCHEMA) if message.headers else None
    return stated if isinstance(stated, str) else ""


def _of_headers(headers: Mapping[str, Any], prefix: str) -> list[str] | None:
    """The names in the headers of a kind; None where no header of that kind is there."""
    found = [key[len(prefix) :] for key in headers if key.startswith(prefix) and headers[key]]
    return found[:MAX_NAMES] or None


def _agent(rule: Rule, source: Source, directory: Directory) -> str | None:
    for path in rule.agent:
        for value in path(source):
            if (name := normalise(value, directory)) is not None:
                return name
    return None
