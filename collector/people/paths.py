"""Compile paths, the expressions with which rules select values from a message.

    agent                              the value of a key
    update.user.name                   the value of a nested key
    bug.cc[]                           every item of a list; `[1:]` every one but the first
    fas_usernames.*                    every value of an object; `.@` every key
    packages[distro=Fedora].package_name   the items whose key has that value, ignoring case
    update.user | update.submitter     the first alternative that yields a value
    $username | 'anitya'               the envelope's username; a literal
    comment.text > mentions            the values, passed through one or more transforms

Roots with `$`: `$username` (of fedmsg's envelope), `$topic` (the full topic), `$spread` (NAME of a
topic `category.verb.NAME.BRANCH`), `$body` (the whole body), `$content` (a hash of the line of an
item). Transforms are listed in `transforms.TRANSFORMS`.

A compiled path is a function from a `Source` to a list of at most MAX_VALUES values. It never
raises, whatever the body contains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hubbub.collector.people.transforms import TRANSFORMS, Transform, find_transform
from hubbub.collector.topics import name_in_topic
from hubbub.errors import UsageError

__all__ = ["MAX_VALUES", "Path", "Source", "compile_path", "first_keys"]

MAX_VALUES = 10_000

_STEP = re.compile(
    r"(?P<key>[^\[\]]*)(?P<items>\[(?:(?P<rest>1:)|(?P<where>[^=\]]+)=(?P<value>[^\]]*))?\])?"
)

_PLAIN = re.compile(r"[^\[\]*@]+")


class Source(msgspec.Struct, frozen=True, gc=False):
    """The parts of a message to which a path is applied."""

    body: Any
    topic: str = ""
    username: str | None = None
    directory: Mapping[str, str] | None = None
    content: str = ""  # hash of the line of an item


Path = Callable[[Source], list[Any]]
_Step = Callable[[list[Any]], list[Any]]

_ROOTS: dict[str, Callable[[Source], Any]] = {
    "$username": lambda source: source.username,
    "$topic": lambda source: source.topic,
    "$spread": lambda source: name_in_topic(source.topic),
    "$body": lambda source: source.body,
    "$content": lambda source: source.content,
}


def compile_path(text: str) -> Path:
    """Compile a path.

    Raises:
        UsageError: an unknown root or transform, or an invalid step.
    """
    head, *names = (part.strip() for part in text.split(">"))
    transforms: list[Transform] = []
    for name in names:
        transform = find_transform(name)
        if transform is None:
            raise UsageError(
                f"unknown transform {name!r} in the path {text!r}",
                hint=f"available: {', '.join(sorted(TRANSFORMS))}, below:TEXT, keys:KEY/KEY, "
                "without:GLOB",
            )
        transforms.append(transform)
    first = _first([part.strip() for part in head.split("|")], text)
    if not transforms:
        return first

    def run(source: Source) -> list[Any]:
        values = first(source)
        if not values:
            return values
        for transform in transforms:
            values = transform(values, source.directory)
        return values if len(values) <= MAX_VALUES else values[:MAX_VALUES]

    return run


def _first(parts: Sequence[str], text: str) -> Path:
    """Return the path of the first alternative that yields a value."""
    alternatives = [_alternative(part, text) for part in parts]
    if len(alternatives) == 1:
        return alternatives[0]
    if all(map(_is_plain, parts)):
        return _first_key([tuple(part.split(".")) for part in parts])

    def run(source: Source) -> list[Any]:
        for alternative in alternatives:
            if values := alternative(source):
                return values[:MAX_VALUES]
        return []

    return run


def _is_plain(part: str) -> bool:
    """Whether an alternative is a path of keys without lists, which nearly every one is."""
    return not part.startswith(("'", "$")) and all(map(_PLAIN.fullmatch, part.split(".")))


def first_keys(text: str) -> frozenset[str] | None:
    """Return the keys of which a body that is an object must have one for a path to yield anything.

    None: the path may yield something from any body.
    """
    keys: set[str] = set()
    for part in (part.strip() for part in text.split(">", maxsplit=1)[0].split("|")):
        match = _STEP.fullmatch(part.partition(".")[0])
        if part.startswith(("'", "$")) or match is None or match["key"] in {"", "*", "@"}:
            return None
        keys.add(match["key"])
    return frozenset(keys)


def _alternative(part: str, text: str) -> Path:
    if len(part) > 1 and part[0] == part[-1] == "'":
        literal = part[1:-1]
        return lambda _: [literal]
    if part.startswith("$"):
        if part not in _ROOTS:
            raise UsageError(
                f"unknown root {part!r} in the path {text!r}",
                hint=f"available: {', '.join(_ROOTS)}",
            )
        root = _ROOTS[part]
        return lambda source: [value] if (value := root(source)) else []
    names = part.split(".")
    if _is_plain(part):
        return _keys(tuple(names))
    steps = [_step(name, text) for name in names]

    def walk(source: Source) -> list[Any]:
        values = [source.body]
        for step in steps:
            values = step(values)
            if not values:
                break
        return values

    return walk


def _keys(names: tuple[str, ...]) -> Path:
    """Compile a path of plain keys."""
    if len(names) == 1:
        key = names[0]

        def get(source: Source) -> list[Any]:
            body = source.body
            value = body.get(key) if type(body) is dict else None
            return [] if value is None else [value]

        return get

    def walk(source: Source) -> list[Any]:
        value = source.body
        for name in names:
            if type(value) is not dict:
                return []
            value = value.get(name)
        return [] if value is None else [value]

    return walk


def _first_key(alternatives: Sequence[tuple[str, ...]]) -> Path:
    """Compile alternatives of plain keys."""

    def walk(source: Source) -> list[Any]:
        for names in alternatives:
            value = source.body
            for name in names:
                if type(value) is not dict:
                    break
                value = value.get(name)
            else:
                if value is not None:
                    return [value]
        return []

    return walk


def _step(name: str, text: str) -> _Step:
    match = _STEP.fullmatch(name)
    if match is None or not name:
        raise UsageError(
            f"invalid step {name!r} in the path {text!r}", hint="write key, key[] or *"
        )
    key, where, wanted = match["key"], match["where"], (match["value"] or "").lower()

    def step(values: list[Any]) -> list[Any]:
        if key == "*":
            values = [x for v in values if type(v) is dict for x in v.values()]
        elif key == "@":
            values = [x for v in values if type(v) is dict for x in v]
        elif key:
            values = [v.get(key) for v in values if type(v) is dict]
        if match["items"]:
            start = 1 if match["rest"] else 0
            values = [x for v in values if type(v) is list for x in v[start:]]
        if where:
            values = [v for v in values if type(v) is dict and str(v.get(where)).lower() == wanted]
        return [v for v in values if v is not None][:MAX_VALUES]

    return step
