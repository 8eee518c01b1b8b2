"""Load rules, which map topics to the paths of the agent, the users and the objects.

Rules are TOML tables: `rules.toml`, `rules-modern.toml` and the user's own.

    [[family]]
    topics = ["git.receive*", "git.branch*"]  # globs on the full topic or from the category on
    schemas = ["git.receive"]                 # globs on the schema header of fedora-messaging
    agent = ["agent | commit.username"]       # the first name found
    users = ["agent | commit.username"]       # all names found
    objects = [{ path = "commit.repo", when = "commit.namespace", is = ["rpms", ""] }]

`when` is a path whose value must match one of the globs `is`, ignoring case; a missing value is "".
A family matches if one of its topics or schemas does. The first matching family wins; the user's
table comes first, so it can add and override. A key that a family omits yields nothing; without
`agent`, the agent is the only user if there is exactly one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import cache
from importlib import resources
from pathlib import Path as File
from typing import Any

import msgspec

from hubbub.collector.people.paths import Path, Source, compile_path
from hubbub.collector.topics import without_prefix
from hubbub.errors import UsageError

__all__ = ["Rule", "Rules", "builtin_rules", "load_rules"]

_CACHE_SIZE = 4_096  # topics and schemas of up to 1,000 characters, which strangers choose

#: Hint of errors: the format of a table.
_FORM = (
    "a [[family]] has topics, schemas, agent, users, objects (lists) and note; an entry is "
    'a path or { path = "…", when = "path", is = ["globs"] }; see docs/rules.md'
)


class _Conditional(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    when: str | None = None
    patterns: list[str] = msgspec.field(name="is", default_factory=list)


class _Family(msgspec.Struct, forbid_unknown_fields=True):
    topics: list[str] = []
    schemas: list[str] = []
    agent: list[str | _Conditional] = []
    users: list[str | _Conditional] = []
    objects: list[str | _Conditional] = []
    note: str = ""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    family: list[_Family] = []


class Rule(msgspec.Struct, frozen=True):
    """The compiled paths of one family; each returns a list of raw values."""

    agent: tuple[Path, ...]
    users: tuple[Path, ...]
    objects: tuple[Path, ...]

    @property
    def empty(self) -> bool:
        """Whether messages of the family contain no names at all."""
        return not (self.users or self.objects or self.agent)


class _Matcher(msgspec.Struct, frozen=True):
    topics: re.Pattern[str]
    schemas: re.Pattern[str]
    rule: Rule


class Rules:
    """Compiled rules.

    Args:
        modern: rules that apply only to messages of fedora-messaging, before the others.
        common: rules for all messages.
    """

    def __init__(self, modern: Sequence[_Matcher], common: Sequence[_Matcher]) -> None:
        self._modern, self._common = tuple(modern), tuple(common)
        self._cache: dict[tuple[str, str, bool], Rule | None] = {}

    def find(self, topic: str, schema: str = "", *, modern: bool = False) -> Rule | None:
        """Return the first matching rule, or None.

        Args:
            topic: the full topic; may be empty if a schema is given.
            schema: the header `fedora_messaging_schema`.
            modern: whether the message is one of fedora-messaging.
        """
        key = (topic, schema, modern)
        try:
            return self._cache[key]
        except KeyError:
            rule = self._search(topic, schema, modern=modern)
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()  # unbounded topics; frequent ones return at once
        self._cache[key] = rule
        return rule

    def _search(self, topic: str, schema: str, *, modern: bool) -> Rule | None:
        suffix = without_prefix(topic)
        for matcher in (*self._modern, *self._common) if modern else self._common:
            if schema and matcher.schemas.match(schema):
                return matcher.rule
            if topic and (matcher.topics.match(suffix) or matcher.topics.match(topic)):
                return matcher.rule
        return None


def _globs(globs: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs) or r"(?!)")


def _condition(entry: str | _Conditional) -> Path:
    if isinstance(entry, str):
        return compile_path(entry)
    path = compile_path(entry.path)
    if entry.when is None:
        return path
    when = compile_path(entry.when)
    wanted = _globs([glob.lower() for glob in entry.patterns])

    def run(source: Source) -> list[Any]:
        values = when(source)
        value = values[0] if values else ""
        return path(source) if isinstance(value, str) and wanted.match(value.lower()) else []

    return run


def _rule(family: _Family) -> Rule:
    if not (family.topics or family.schemas):
        raise UsageError("the family has neither topics nor schemas, so it matches no message")
    entries = (*family.agent, *family.users, *family.objects)
    for entry in entries:
        if isinstance(entry, _Conditional) and (entry.when is None) != (not entry.patterns):
            raise UsageError(f"the condition of {entry.path!r} needs both `when` and `is`")
    return Rule(
        agent=tuple(_condition(entry) for entry in family.agent),
        users=tuple(_condition(entry) for entry in family.users),
        objects=tuple(_condition(entry) for entry in family.objects),
    )


def _compile(families: list[_Family], where: str) -> list[_Matcher]:
    matchers = []
    for number, family in enumerate(families, 1):
        try:
            matchers.append(_Matcher(_globs(family.topics), _globs(family.schemas), _rule(family)))
        except UsageError as error:
            first = next(iter((*family.topics, *family.schemas)), "")
            name = f"{where}: family {number}{f' ({first})' if first else ''}"
            raise UsageError(error.what, where=name, hint=error.hint or _FORM) from None
    return matchers


def parse_rules(table: Mapping[str, Any] | str, where: str) -> list[_Matcher]:
    """Compile a table of rules.

    Args:
        table: TOML text or a parsed table.
        where: name of the table for errors.

    Raises:
        UsageError: invalid TOML, an unknown key or an invalid path; names the file and the family.
    """
    try:
        raw = tomllib.loads(table) if isinstance(table, str) else table
        return _compile(msgspec.convert(raw, _Table).family, where)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"the rules are not valid TOML: {error}", where=where, hint=_FORM
        ) from None
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`").lstrip(".")
        if family := re.match(r"family\[(\d+)\]\.?", path):  # msgspec counts from 0, people from 1
            where, path = f"{where}: family {int(family[1]) + 1}", path[family.end() :]
        if path:
            where = f"{where}, {path}"
        raise UsageError(f"the rules are invalid: {problem}", where=where, hint=_FORM) from None


@cache
def _load_builtin(name: str) -> tuple[_Matcher, ...]:
    text = resources.files("hubbub.collector.people").joinpath(name).read_text(encoding="utf-8")
    return tuple(parse_rules(text, name))


@cache
def builtin_rules() -> Rules:
    """Return the built-in rules: every family of the Fedora bus, old and new."""
    return Rules(_load_builtin("rules-modern.toml"), _load_builtin("rules.toml"))


def load_rules(extra: File | Mapping[str, Any] | None = None) -> Rules:
    """Return the built-in rules, preceded by the user's.

    Args:
        extra: a TOML file, or a parsed table (`[rules]` of the configuration).

    Raises:
        UsageError: the file is missing or invalid.
    """
    if extra is None:
        return builtin_rules()
    if isinstance(extra, Mapping):
        own = parse_rules(extra, "[rules] of the configuration")
    else:
        try:
            text = extra.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the rules cannot be read: {getattr(error, 'strerror', None) or error}",
                where=str(extra),
            ) from None
        own = parse_rules(text, str(extra))
    return Rules([*own, *_load_builtin("rules-modern.toml")], [*own, *_load_builtin("rules.toml")])
