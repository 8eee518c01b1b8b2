"""Load rules, which map topics to the paths of the agent, the users and the objects.

Rules are TOML tables: `rules.toml`, `rules-modern.toml`, `rules-opensuse.toml`,
`rules-forges.toml`, `rules-hooks.toml` and the user's own.

    [[family]]
    topics = ["git.receive*", "git.branch*"]  # globs on the full topic or from the category on
    schemas = ["git.receive"]                 # globs on the schema header of fedora-messaging
    agent = ["agent | commit.username"]       # the first name found
    users = ["agent | commit.username"]       # all names found
    objects = [{ path = "commit.repo", when = "commit.namespace", is = ["rpms", ""] }]

`when` is a path whose value must match one of the globs `is`, or none of the globs `not`, ignoring
case; a missing value is "".
A family matches if one of its topics or schemas does. The first matching family wins; the user's
table comes first, so it can add and override. A key that a family omits yields nothing; without
`agent`, the agent is the only user if there is exactly one. `[[event]]`: see `item_events`;
`[hook.NAME]` and the key `time` of a family: see `hook_events`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path as File
from typing import Any, NamedTuple, TypeVar

import msgspec

from hubbub.collector.people.entries import Conditional, compile_entry, globs_pattern
from hubbub.collector.people.hook_rules import NO_HOOK_RULE, HookRule, HookTable, compile_hook
from hubbub.collector.people.item_events import EventRule, EventTable, compile_events
from hubbub.collector.people.paths import Path, first_keys
from hubbub.collector.people.rule import Rule
from hubbub.collector.topics import without_prefix
from hubbub.errors import UsageError

__all__ = ["Rule", "Rules", "builtin_rules", "load_rules"]

_T = TypeVar("_T")
_C = TypeVar("_C")
_CACHE_SIZE = 4_096  # topics and schemas of up to 1,000 characters, which strangers choose

#: Hint of errors: the format of a table.
_FORM = (
    "a [[family]] has topics, schemas, agent, users, objects (lists) and note; an entry is "
    'a path or { path = "…", when = "path", is = ["globs"] } (or not = [...]); an [[event]] has '
    "items, topic, time, id; a [hook.NAME] has event, action, id; see docs/rules.md"
)


class _Family(msgspec.Struct, forbid_unknown_fields=True):
    topics: list[str] = []
    schemas: list[str] = []
    agent: list[str | Conditional] = []
    users: list[str | Conditional] = []
    objects: list[str | Conditional] = []
    time: list[str | Conditional] = []  # of deliveries of webhooks; a message states its own
    note: str = ""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    family: list[_Family] = []
    event: list[EventTable] = []
    hook: dict[str, HookTable] = {}  # by the hook's name; in the built-in table by its kind


class _Matcher(msgspec.Struct, frozen=True):
    topics: re.Pattern[str]
    schemas: re.Pattern[str]
    rule: Rule


class Rules:
    """Compiled rules.

    Args:
        modern: rules that apply only to messages of fedora-messaging, before the others.
        common: rules for all messages.
        events: tables of rules for items; the first table that has any for a kind of item counts.
        hooks: rules for deliveries of webhooks; no others apply to them.
        named_hooks: how to read the event, action and id of a hook, by its name or its kind.
    """

    def __init__(
        self,
        modern: Sequence[_Matcher],
        common: Sequence[_Matcher],
        events: Sequence[Sequence[EventRule]] = (),
        hooks: Sequence[_Matcher] = (),
        named_hooks: Mapping[str, HookRule] | None = None,
    ) -> None:
        self._modern, self._common, self._events = tuple(modern), tuple(common), tuple(events)
        self._hooks, self._named_hooks = tuple(hooks), dict(named_hooks or {})
        self._cache: dict[tuple[str, str, bool, bool], Rule | None] = {}
        self._event_cache: dict[str, tuple[EventRule, ...]] = {}

    def events(self, kind: str) -> tuple[EventRule, ...]:
        """Return the rules for the events of a kind of item (`github issue`), or none."""
        found = self._event_cache.get(kind)
        if found is None:
            tables = (
                tuple(rule for rule in table if rule.items.match(kind)) for table in self._events
            )
            found = next(filter(None, tables), ())
            if len(self._event_cache) >= _CACHE_SIZE:
                self._event_cache.clear()
            self._event_cache[kind] = found
        return found

    def hook(self, name: str, kind: str) -> HookRule:
        """Return how to read the event, action and id of a hook's deliveries."""
        return self._named_hooks.get(name) or self._named_hooks.get(f"{kind}*") or NO_HOOK_RULE

    def find(
        self, topic: str, schema: str = "", *, modern: bool = False, hook: bool = False
    ) -> Rule | None:
        """Return the first matching rule, or None.

        Args:
            topic: the full topic; may be empty if a schema is given.
            schema: the header `fedora_messaging_schema`.
            modern: whether the message is one of fedora-messaging.
            hook: whether it is a delivery of a webhook.
        """
        key = (topic, schema, modern, hook)
        try:
            return self._cache[key]
        except KeyError:
            matchers = (*self._modern, *self._common) if modern else self._common
            rule = _search(self._hooks if hook else matchers, topic, schema)
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()  # unbounded topics; frequent ones return at once
        self._cache[key] = rule
        return rule


def _search(matchers: Sequence[_Matcher], topic: str, schema: str) -> Rule | None:
    suffix = without_prefix(topic)
    for matcher in matchers:
        if schema and matcher.schemas.match(schema):
            return matcher.rule
        if topic and (matcher.topics.match(suffix) or matcher.topics.match(topic)):
            return matcher.rule
    return None


def _rule(family: _Family) -> Rule:
    if not (family.topics or family.schemas):
        raise UsageError("the family has neither topics nor schemas, so it matches no message")
    compiled: dict[bytes, Path] = {}  # an entry that is stated twice is one path
    needs: dict[Path, frozenset[str]] = {}

    def paths(entries: Sequence[str | Conditional]) -> tuple[Path, ...]:
        found = []
        for entry in entries:
            key = msgspec.json.encode(entry)
            if key not in compiled:
                path = compiled[key] = compile_entry(entry)
                keys = first_keys(entry if isinstance(entry, str) else entry.path)
                if keys is not None:
                    needs[path] = keys
            found.append(compiled[key])
        return tuple(found)

    return Rule(
        agent=paths(family.agent),
        users=paths(family.users),
        objects=paths(family.objects),
        time=paths(family.time),
        needs=needs,
    )


class _Compiled(NamedTuple):
    """A compiled table."""

    families: list[_Matcher]
    events: list[EventRule]
    hooks: dict[str, HookRule]


def _compile(table: _Table, where: str) -> _Compiled:
    return _Compiled(
        _each(table.family, _matcher, "family", lambda f: (*f.topics, *f.schemas), where),
        _each(table.event, compile_events, "event", lambda e: (e.topic,), where),
        {name: compile_hook(hook, f"{where}: hook {name}") for name, hook in table.hook.items()},
    )


def _matcher(family: _Family) -> _Matcher:
    return _Matcher(globs_pattern(family.topics), globs_pattern(family.schemas), _rule(family))


def _each(
    entries: list[_T],
    compile_entry: Callable[[_T], _C],
    kind: str,
    names: Callable[[_T], Sequence[str]],
    where: str,
) -> list[_C]:
    """Compile each entry; an error names the table, the entry's number and its first name."""
    compiled = []
    for number, entry in enumerate(entries, 1):
        try:
            compiled.append(compile_entry(entry))
        except UsageError as error:
            first = next(iter(names(entry)), "")
            name = f"{where}: {kind} {number}{f' ({first})' if first else ''}"
            raise UsageError(error.what, where=name, hint=error.hint or _FORM) from None
    return compiled


def parse_rules(table: Mapping[str, Any] | str, where: str) -> _Compiled:
    """Compile a table of rules.

    Args:
        table: TOML text or a parsed table.
        where: name of the table for errors.

    Raises:
        UsageError: invalid TOML, an unknown key or an invalid path; names the file and the family.
    """
    try:
        raw = tomllib.loads(table) if isinstance(table, str) else table
        return _compile(msgspec.convert(raw, _Table), where)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"the rules are not valid TOML: {error}", where=where, hint=_FORM
        ) from None
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`").lstrip(".")
        if entry := re.match(r"(family|event)\[(\d+)\]\.?", path):  # msgspec counts from 0
            where, path = f"{where}: {entry[1]} {int(entry[2]) + 1}", path[entry.end() :]
        if path:
            where = f"{where}, {path}"
        raise UsageError(f"the rules are invalid: {problem}", where=where, hint=_FORM) from None


@cache
def _load_builtin(name: str) -> _Compiled:
    text = resources.files("hubbub.collector.people").joinpath(name).read_text(encoding="utf-8")
    return parse_rules(text, name)


@cache
def builtin_rules() -> Rules:
    """Return the built-in rules: Fedora's bus, old and new, openSUSE's, items, and webhooks."""
    return _with_builtin(_Compiled([], [], {}))


def _with_builtin(own: _Compiled) -> Rules:
    names = ("rules.toml", "rules-modern.toml", "rules-opensuse.toml", "rules-forges.toml")
    common, modern, opensuse, forges = map(_load_builtin, names)
    hooks = _load_builtin("rules-hooks.toml")
    return Rules(
        [*own.families, *modern.families],
        [*own.families, *common.families, *opensuse.families],
        (own.events, forges.events),
        [*own.families, *hooks.families],
        {f"{kind}*": rule for kind, rule in hooks.hooks.items()} | own.hooks,
    )


def load_rules(*extra: File | Mapping[str, Any] | None) -> Rules:
    """Return the built-in rules, preceded by the user's.

    Args:
        extra: TOML files, or parsed tables (`[rules]` of the configuration); the first that has a
            rule for a message counts.

    Raises:
        UsageError: a file is missing or invalid.
    """
    tables = [_own(table) for table in extra if table is not None]
    if not tables:
        return builtin_rules()
    hooks: dict[str, HookRule] = {}
    for table in tables:
        hooks = table.hooks | hooks
    return _with_builtin(
        _Compiled(
            [matcher for table in tables for matcher in table.families],
            [event for table in tables for event in table.events],
            hooks,
        )
    )


def _own(table: File | Mapping[str, Any]) -> _Compiled:
    if isinstance(table, Mapping):
        return parse_rules(table, "[rules] of the configuration")
    try:
        text = table.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the rules cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(table),
            hint="it must be a TOML file that this user may read (--rules, or `rules` in the"
            " configuration)",
        ) from None
    return parse_rules(text, str(table))
