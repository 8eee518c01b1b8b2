"""The operations of queries and views that other servers have, from the schema that they gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubbub.docstrings import as_parameters, split_docstring
from hubbub.live.server.openapi.functions import (
    FORM_TYPES,
    PARAMETERS,
    errors,
    items,
    media_types,
    parameter,
    shared_names,
)
from hubbub.live.server.openapi.schemas import reference

__all__ = ["paths_of_other"]

_LIST = "list of "
#: Types of JSON by the words of `hubbub.parameters.Shape.word`; others are not told apart.
_TYPES = {"integer": "integer", "number": "number", "yes or no": "boolean", "text": "string"}


def paths_of_other(entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the paths of a function of another server, with their operations.

    Which scope it needs is known to the other server alone; its answers need at least `read`.

    Args:
        entry: as `/schema` lists it.
    """
    kind, name = entry["class"], entry["name"]
    _, arguments = split_docstring(entry["doc"])
    own = [
        parameter(
            str(each.get("name")),
            as_parameters(arguments.get(str(each.get("name")), "")),
            _schema(each),
            **({"required": True} if each.get("required") is True else {}),
        )
        for each in entry["parameters"]
        if isinstance(each, Mapping)
    ]
    given = {each["name"] for each in own}
    shared = [
        reference(component, "parameters")
        for component in shared_names(kind, common=entry["common_options"])
        if PARAMETERS[component]["name"] not in given
    ]
    answer = {
        "description": f"The answer of the server {entry['server']}.",
        "content": {media_type: {} for media_type in media_types(kind)},
    }
    form = {"schema": {"type": "object"}}
    yield from items(
        kind,
        name,
        entry["doc"],
        [*own, *shared],
        scope="read",
        responses={"200": answer, **errors(304, 404, 502, 504)},
        body={"content": dict.fromkeys(FORM_TYPES, form)},
    )


def _schema(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, as far as the words of its type say it."""
    word = str(described.get("type", ""))
    one = word.removeprefix(_LIST)
    schema: dict[str, Any] = {"type": _TYPES[one]} if one in _TYPES else {}
    if "|" in one:
        schema = {"type": "string", "enum": one.split("|")}
    if one != word:
        schema = {"type": "array", "items": schema}
    if (default := described.get("default")) not in (None, []):
        schema["default"] = default
    return schema
