"""Conversion of a request's values to the types of a function's parameters.

A value is a text, a list of texts, or already of the right type. A `UsageError` names the
parameter, the value and what is allowed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from hubbub.errors import UsageError
from hubbub.registry import Names
from hubbub.times import is_clear_minutes, iso, parse_duration, parse_time

__all__ = ["Shape", "convert", "duration_text", "plain", "shape"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Shape:
    """An annotation, taken apart: the type without Optional and without the list around it."""

    type: type | None  # None: any value, not converted
    choices: tuple[str, ...] = ()
    many: bool = False
    optional: bool = False

    @property
    def word(self) -> str:
        """The type's name in help texts and errors."""
        if self.choices:
            return "|".join(self.choices)
        words: Mapping[type | None, str] = {
            int: "integer",
            float: "number",
            bool: "yes or no",
            timedelta: "duration",
            datetime: "time",
            Path: "file",
            Names: "file",
        }
        return words.get(self.type, "text")


def shape(annotation: Any) -> Shape:
    """Parse an annotation: `int`, `str | None`, `Literal["a", "b"]`, `list[timedelta]`, ….

    Raises:
        TypeError: text cannot be converted to this type.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        rest = [a for a in args if a is not type(None)]
        if len(rest) != 1:
            raise TypeError(f"{annotation} allows several types; choose one")
        inner = shape(rest[0])
        return Shape(inner.type, inner.choices, inner.many, optional=True)
    if origin is Literal:
        return Shape(str, tuple(str(a) for a in args if a is not None), optional=None in args)
    if origin in {list, tuple, set, frozenset} or annotation in {list, tuple}:
        inner = shape(args[0]) if args else Shape(str)
        return Shape(inner.type, inner.choices, many=True)
    if origin in {Sequence, Iterable, Collection}:
        inner = shape(args[0])
        return Shape(inner.type, inner.choices, many=True)
    if annotation in _CONVERTERS:
        return Shape(annotation)
    if annotation is Any or annotation is object:
        return Shape(None)
    raise TypeError(
        f"{annotation!r} cannot be converted from text; use int, float, bool, str, timedelta, "
        "datetime, Path, Literal, list of these, or one of these | None"
    )


def _bool(text: str, _now: datetime) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE | _FALSE:
        return lowered in _TRUE
    raise ValueError("write yes or no")


def _int(text: str, _now: datetime) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("write a whole number") from None


def _float(text: str, _now: datetime) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError("write a number") from None
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN's test
        raise ValueError("write a finite number")
    return number


def _names(path: Path) -> Names:
    """Read a file with one name per line; blank lines and lines that start with # are skipped."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except OSError as error:
        raise ValueError(f"the file of names cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError("the file of names is not UTF-8; write one name per line") from error
    return Names(line for line in lines if line and not line.startswith("#"))


_CONVERTERS: Mapping[type, Callable[[str, datetime], Any]] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: lambda text, _now: text,
    timedelta: lambda text, _now: parse_duration(text),
    datetime: parse_time,
    Path: lambda text, _now: Path(text),
    Names: lambda text, _now: _names(Path(text)),
}


def _convert_item(target: Shape, value: Any, now: datetime) -> Any:
    if target.choices:
        if str(value) not in target.choices:
            raise ValueError(f"choose one of {', '.join(target.choices)}")
        return str(value)
    if target.type is None:
        return value
    if isinstance(value, str):
        return _CONVERTERS[target.type](value, now)
    if target.type is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, target.type) and (target.type is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"expected {target.word}, got {type(value).__name__}")


def convert(annotation: Any, value: Any, name: str, now: datetime) -> Any:
    """Convert a value to the type of a parameter.

    Args:
        annotation: the parameter's annotation.
        value: a text, a list of texts, or a value of the right type.
        name: the parameter's name, for the error.
        now: the time from which relative times count back.

    Raises:
        UsageError: the annotation does not allow the value.
    """
    target = shape(annotation)
    if value is None:
        if target.optional or target.type is None:
            return None
        raise UsageError(f"--{name.replace('_', '-')} needs a value")
    try:
        if target.many:
            values = [value] if isinstance(value, str) else list(value)
            return [_convert_item(target, item, now) for item in values]
        return _convert_item(target, value, now)
    except (ValueError, TypeError) as error:
        quoted = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "…'"  # noqa: PLR2004
        raise UsageError(f"--{name.replace('_', '-')} cannot be {quoted}: {error}") from None


def duration_text(span: timedelta) -> str:
    """Format as `24h`, `7d`, `30m`, `1min`, `90s` or `1.5s`: exact, read by `parse_duration`."""
    seconds = span.total_seconds()
    if seconds > 86400 and seconds % 86400 == 0:  # noqa: PLR2004 - one day is written 24h
        return f"{int(seconds // 86400)}d"
    for unit, length in (("h", 3600), ("m", 60), ("s", 1)):
        if seconds % length == 0:
            number = int(seconds // length)
            return f"{number}{'min' if unit == 'm' and not is_clear_minutes(number) else unit}"
    return f"{seconds:f}".rstrip("0") + "s"


def plain(value: Any) -> Any:
    """Convert a parameter's value for a JSON document: durations and times become texts."""
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Names):
        return sorted(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value
