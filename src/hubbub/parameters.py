"""Conversion of a request's values to the types of a function's parameters.

A value is a text, a list of texts, or already of the right type. A `UsageError` names the
parameter, the value and what is allowed.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from hubbub.errors import UsageError
from hubbub.registry import Names
from hubbub.times import AmbiguousDurationError, is_clear_minutes, parse_duration, parse_time
from hubbub.zones import Zone, current, find

__all__ = ["Shape", "convert", "duration_text", "plain", "shape"]

_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "n", "no", "off"})
_MANY = frozenset({list, tuple, set, frozenset, Sequence, Iterable, Collection})
_LONGEST = 64  # characters of a time
#: Times that leave out a part of the date are read differently with these.
_DEFAULTS = datetime(2000, 1, 1), datetime(2004, 2, 2)  # noqa: DTZ001 - the zone is added later


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
            Zone: "time zone",
            Path: "file",
            Names: "file",
            dict: "JSON object",
            list: "JSON array",
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
    if annotation in {dict, list} or origin is dict:
        return Shape(origin or annotation)
    if origin in _MANY or annotation is tuple:
        inner = shape(args[0]) if args else Shape(str)
        return Shape(inner.type, inner.choices, many=True)
    if annotation in _CONVERTERS:
        return Shape(annotation)
    if annotation is Any or annotation is object:
        return Shape(None)
    raise TypeError(
        f"{annotation!r} cannot be converted from text; use int, float, bool, str, timedelta, "
        "datetime, Path, Literal, list of these, dict, list (both as JSON), or one of these | None"
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


def _time(text: str, now: datetime) -> datetime:
    """Parse a time as `parse_time` does, or as people write dates: `2/1/2019`, `1 Feb 2019`.

    Of a date in numbers alone, the month comes first where both readings are possible.
    """
    try:
        return parse_time(text, now)
    except AmbiguousDurationError:
        raise
    except ValueError as error:
        written = _written_time(text)
        if written is None:
            raise
        try:
            return parse_time(written, now)
        except ValueError:
            raise error from None


def _written_time(text: str) -> str | None:
    """Return a time with year, month and day in ISO 8601; None if it cannot be read as one."""
    from dateutil import parser

    if len(text) > _LONGEST:
        return None
    try:
        first, second = (
            parser.parse(text, default=default, tzinfos=_known_zone) for default in _DEFAULTS
        )
    except (ValueError, OverflowError, TypeError):
        return None
    iso: str = first.isoformat()
    return iso if first == second else None


def _known_zone(name: str | None, offset: int | None) -> tzinfo | int | None:
    """Return the zone of a written time; abbreviations as `IST` mean several zones."""
    if offset is not None or name is None:
        return offset
    if name in {"UTC", "GMT", "Z"}:
        return UTC
    raise ValueError(f"{name} is no clear time zone")


def _json(kind: type) -> Callable[[str, datetime], Any]:
    """Return a converter of JSON texts; an empty text is None."""

    def parse(text: str, _now: datetime) -> Any:
        if not text.strip():
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = ...
        if not isinstance(value, kind):
            raise ValueError(  # noqa: TRY004 - the text is wrong
                f"write a JSON {'object' if kind is dict else 'array'}"
            )
        return value

    return parse


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
    datetime: _time,
    dict: _json(dict),
    list: _json(list),
    Path: lambda text, _now: Path(text),
    Names: lambda text, _now: _names(Path(text)),
    Zone: lambda text, _now: find(text),
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
        now: the time from which relative times count back; times without a zone are of its zone.

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
        return current().iso(value)
    if isinstance(value, (Path, Zone)):
        return str(value)
    if isinstance(value, Names):
        return sorted(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value
