"""Rules: which paths of which topics hold the agent, the users and the objects.

Comes in: TOML tables (`rules.toml`, `rules-modern.toml`, and a user's own). Goes out: the `Rule` of
a topic, or None for a topic that no rule knows.

    [[family]]
    topics = ["git.receive*", "git.branch*"]  # globs, on the topic from its category on, or whole
    schemas = ["git.receive"]                 # globs on the schema header of fedora-messaging
    agent = ["agent | commit.username"]       # the first name that comes out
    users = ["agent | commit.username"]       # all that come out
    objects = [{ path = "commit.repo", when = "commit.namespace", is = ["rpms", ""] }]

`when` names a path whose value must match one of the globs `is`, in any case; "" is "not there". A
family fits if a topic or a schema does. Of several that fit, the first counts; a user's table comes
before hubbub's own, so that it adds and overrides. What a family does not name it says nothing
about: no users, no objects; the agent is then the only user, if there is one alone.
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

_CACHED = 65_536  # topics whose rule is remembered: more than any bus has in a week


#: What a table may hold, for those who wrote something else.
_FORM = (
    "a [[family]] has topics, schemas, agent, users, objects (lists) and note; an entry is "
    'a path or { path = "…", when = "path", is = ["globs"] }; see docs/rules.md'
)


class _Where(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    when: str | None = None
    # `is` is a keyword
    among: list[str] = msgspec.field(name="is", default_factory=list)


class _Family(msgspec.Struct, forbid_unknown_fields=True):
    topics: list[str] = []
    schemas: list[str] = []
    agent: list[str | _Where] = []
    users: list[str | _Where] = []
    objects: list[str | _Where] = []
    note: str = ""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    family: list[_Family] = []


class Rule(msgspec.Struct, frozen=True):
    """The compiled paths of one family; each gives a list of raw values."""

    agent: tuple[Path, ...]
    users: tuple[Path, ...]
    objects: tuple[Path, ...]

    @property
    def empty(self) -> bool:
        """The family is known to name nobody and nothing."""
        return not (self.users or self.objects or self.agent)


class _Matcher(msgspec.Struct, frozen=True):
    topics: re.Pattern[str]
    schemas: re.Pattern[str]
    rule: Rule


class Rules:
    """The rules of a bus: for old bodies, and for those of fedora-messaging."""

    def __init__(self, modern: Sequence[_Matcher], common: Sequence[_Matcher]) -> None:
        self._modern, self._common = tuple(modern), tuple(common)
        self._known: dict[tuple[str, str, bool], Rule | None] = {}

    def find(self, topic: str, schema: str = "", *, modern: bool = False) -> Rule | None:
        """The rule of a topic, None if there is none.

        Args:
            topic: the whole topic; may be empty where a schema is given.
            schema: the header `fedora_messaging_schema`.
            modern: the message came from fedora-messaging, so its table comes first.
        """
        key = (topic, schema, modern)
        try:
            return self._known[key]
        except KeyError:
            found = self._search(topic, schema, modern=modern)
        if len(self._known) >= _CACHED:
            self._known.clear()  # a bus of endless topics; the usual ones are back at once
        self._known[key] = found
        return found

    def _search(self, topic: str, schema: str, *, modern: bool) -> Rule | None:
        short = without_prefix(topic)
        for matcher in (*self._modern, *self._common) if modern else self._common:
            if schema and matcher.schemas.match(schema):
                return matcher.rule
            if topic and (matcher.topics.match(short) or matcher.topics.match(topic)):
                return matcher.rule
        return None


def _globs(globs: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs) or r"(?!)")


def _condition(entry: str | _Where) -> Path:
    if isinstance(entry, str):
        return compile_path(entry)
    path = compile_path(entry.path)
    if entry.when is None:
        return path
    when = compile_path(entry.when)
    among = _globs([glob.lower() for glob in entry.among])

    def run(source: Source) -> list[Any]:
        values = when(source)
        found = values[0] if values else ""
        return path(source) if isinstance(found, str) and among.match(found.lower()) else []

    return run


def _rule(family: _Family) -> Rule:
    if not (family.topics or family.schemas):
        raise UsageError("it has neither topics nor schemas, so it fits no message")
    entries = (*family.agent, *family.users, *family.objects)
    for entry in entries:
        if isinstance(entry, _Where) and (entry.when is None) != (not entry.among):
            raise UsageError(f"the condition of {entry.path!r} needs both `when` and `is`")
    return Rule(
        agent=tuple(_condition(entry) for entry in family.agent),
        users=tuple(_condition(entry) for entry in family.users),
        objects=tuple(_condition(entry) for entry in family.objects),
    )


def _compile(families: list[_Family], where: str) -> list[_Matcher]:
    found = []
    for number, family in enumerate(families, 1):
        try:
            found.append(_Matcher(_globs(family.topics), _globs(family.schemas), _rule(family)))
        except UsageError as error:
            first = next(iter((*family.topics, *family.schemas)), "")
            name = f"{where}: family {number}{f' ({first})' if first else ''}"
            raise UsageError(error.what, where=name, hint=error.hint or _FORM) from None
    return found


def parse_rules(table: Mapping[str, Any] | str, where: str) -> list[_Matcher]:
    """Compile a table.

    Raises:
        UsageError: no TOML, an unknown key, a path that is none; says in which file and family, and
            what there may be.
    """
    try:
        raw = tomllib.loads(table) if isinstance(table, str) else table
        return _compile(msgspec.convert(raw, _Table).family, where)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the rules are no TOML: {error}", where=where, hint=_FORM) from None
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$")
        family = re.match(r"\.family\[(\d+)\]\.?", place)  # msgspec counts from 0, people from 1
        rest_of = place[family.end() :].rstrip("`") if family else place.rstrip("`").lstrip(".")
        at = (f": family {int(family[1]) + 1}" if family else "") + (f", {rest_of}" * bool(rest_of))
        raise UsageError(
            f"the rules cannot be read: {said}", where=f"{where}{at}", hint=_FORM
        ) from None


@cache
def _shipped(name: str) -> tuple[_Matcher, ...]:
    text = resources.files("hubbub.collector.people").joinpath(name).read_text(encoding="utf-8")
    return tuple(parse_rules(text, name))


@cache
def builtin_rules() -> Rules:
    """The rules that come with hubbub: every family of the Fedora bus, old and new."""
    return Rules(_shipped("rules-modern.toml"), _shipped("rules.toml"))


def load_rules(extra: File | Mapping[str, Any] | None = None) -> Rules:
    """The rules that come with hubbub, and before them a user's.

    Args:
        extra: a TOML file, or a table that was read already (`[rules]` of the configuration).

    Raises:
        UsageError: the file is not there, or is no table of rules.
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
    return Rules([*own, *_shipped("rules-modern.toml")], [*own, *_shipped("rules.toml")])
