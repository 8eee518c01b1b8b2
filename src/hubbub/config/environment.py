"""Configuration from environment variables: `HUBBUB_SECTION_KEY`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from hubbub.config.schema import Key, plain
from hubbub.errors import UsageError

__all__ = ["CONFIG", "PREFIX", "apply", "unknown"]

PREFIX = "HUBBUB_"
#: Names the configuration file.
CONFIG = "HUBBUB_CONFIG"


def apply(
    table: dict[str, Any], keys: Iterable[Key], environment: Mapping[str, str]
) -> dict[str, Key]:
    """Set the keys of a configuration that environment variables give.

    A list is separated by commas. An empty variable counts as not set.

    Args:
        table: the configuration file, or an empty one; changed in place.
        keys: of the configuration.
        environment: of this process.

    Returns:
        The keys that were set, by variable.

    Raises:
        UsageError: a value is of the wrong type.
    """
    used = {}
    for key in keys:
        text = environment.get(key.variable) if key.variable else None
        if not text:
            continue
        assert key.variable is not None
        used[key.variable] = key
        section = table.setdefault(key.section, {}) if key.section else table
        if not isinstance(section, dict):  # reported when the table is converted
            continue
        section[key.name] = _value(text, key)
    return used


def _value(text: str, key: Key) -> Any:
    kind = plain(key.annotation)
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for part in kinds:
        if isinstance(part, (inspect.VarTupleType, inspect.ListType)):
            return [item.strip() for item in text.split(",") if item.strip()]
    wanted = next((type_ for part, type_ in _SCALARS if _is(kinds, part)), str)
    try:
        return msgspec.convert(text.strip(), wanted, strict=False)
    except msgspec.ValidationError:
        raise UsageError(
            f"wrong value {text!r}: expected {key.type}", where=str(key.variable)
        ) from None


_SCALARS: tuple[tuple[type[inspect.Type], type], ...] = (
    (inspect.BoolType, bool),
    (inspect.IntType, int),
    (inspect.FloatType, float),
)


def _is(kinds: Iterable[inspect.Type], kind: type[inspect.Type]) -> bool:
    return any(isinstance(part, kind) for part in kinds)


def unknown(keys: Iterable[Key], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that look like a key's but set none, each with the nearest one's name.

    Only names of which a section is the first part count: other programs may use the prefix.
    """
    known = {key.variable for key in keys if key.variable} | {CONFIG}
    found = {}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            nearest = difflib.get_close_matches(name, sorted(filter(None, known)), n=1, cutoff=0.8)
            if nearest:
                found[name] = nearest[0]
    return found
