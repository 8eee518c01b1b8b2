"""The parameters of a request: of its address, and of a form or a JSON object that is posted.

Parameters of the address win over those of a form. Those of a JSON object count as if they came
after those of the address. All of them are texts: a JSON value that is no text becomes its JSON.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from starlette.requests import Request

from hubbub.errors import UsageError
from hubbub.parameters import shape
from hubbub.registry import Function, Names
from hubbub.store.query.selection import FILTERS

__all__ = ["Parameters", "cache_key", "for_function", "read_parameters"]

#: Values by name, in order.
Parameters = Mapping[str, list[str]]
_MAX_FIELDS = 1_000
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


class _Json(str):
    """The JSON of a value in a posted object."""

    __slots__ = ()


async def read_parameters(request: Request) -> dict[str, list[str]]:
    """Return the parameters of a request.

    Raises:
        UsageError: they cannot be read.
    """
    values = _parse(request.scope.get("query_string", b"").decode("ascii", "replace"))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind == _FORM:
        try:
            text = (await request.body()).decode("ascii")
        except UnicodeDecodeError:
            raise UsageError("the form is not URL-encoded ASCII") from None
        values = _parse(text) | values
    elif request.method == "POST" and (kind == _JSON or kind.endswith("+json")):
        for name, value in _parse_json(await request.body()).items():
            values.setdefault(name, []).append(value)
    return values


def _parse_json(body: bytes) -> dict[str, str]:
    """Return the members of a JSON object as texts; null is as if it were left out."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        text = {
            name: member if isinstance(member, str) else _Json(json.dumps(member))
            for name, member in (value.items() if isinstance(value, dict) else ())
            if member is not None
        }
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"the body is not JSON: {why}") from None
    if not isinstance(value, dict):
        raise UsageError(
            "the body is not a JSON object", hint='post parameters by name: {"per": "day"}'
        )
    if len(text) > _MAX_FIELDS:
        raise UsageError(
            f"the body has {len(text):,} members; at most {_MAX_FIELDS:,} are accepted"
        )
    return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _parse(text: str) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise UsageError("a parameter is not UTF-8") from None
    except ValueError as error:
        raise UsageError(
            f"the parameters cannot be read: {error}", hint=f"at most {_MAX_FIELDS:,} are accepted"
        ) from None
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def for_function(function: Function, values: Parameters) -> dict[str, Any]:
    """Return the parameters for a call: all values of a list, else the last one.

    Args:
        function: to be called.
        values: of the request, without those that the server itself reads.

    Raises:
        UsageError: a parameter would read a file of the server.
    """
    many = set(FILTERS if function.has_common_options else ())
    for parameter in function.parameters:
        form = shape(parameter.annotation)
        (many.add if form.many else many.discard)(parameter.name)
        if form.type in {Path, Names} and parameter.name in values:
            raise UsageError(
                f"{parameter.name} is a file, which the server does not read for a request",
                hint="the command line can: hubbub query",
            )
    return {name: _all(given) if name in many else given[-1] for name, given in values.items()}


def cache_key(values: Parameters) -> Hashable:
    """Return the parameters in a form that is equal for equal requests only."""
    return tuple(
        (name, tuple((isinstance(text, _Json), text) for text in given))
        for name, given in sorted(values.items())
    )


def _all(given: list[str]) -> list[str]:
    """Return all values of a list; an array in a posted object has several."""
    values: list[str] = []
    for text in given:
        member = json.loads(text) if isinstance(text, _Json) else text
        items = member if isinstance(member, list) else [text]
        values += [item if isinstance(item, str) else json.dumps(item) for item in items]
    return values
