"""JSON schemas of parameters and answers, derived from the signatures of functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hubbub.parameters import Shape, plain, shape
from hubbub.registry import Function, Names, Parameter
from hubbub.zones import Zone

__all__ = [
    "COMPONENTS",
    "TIME",
    "answer_schema",
    "data_schema",
    "in_requests",
    "parameter_schema",
    "reference",
]

_DURATION = "([0-9]+(ms|s|min|h|d|w|mo|y))+"
#: Of a time, in the forms that a program should write.
TIME: Mapping[str, Any] = {
    "type": "string",
    "description": "ISO 8601 (2026-01-31, 2026-01-31T10:00Z), a duration before now (7d), or now.",
    "anyOf": [
        {"format": "date"},
        {"format": "date-time"},
        {"pattern": f"^(now|{_DURATION})$"},
    ],
}
_SIMPLE: Mapping[type | None, Mapping[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    timedelta: {
        "type": "string",
        "pattern": f"^{_DURATION}$",
        "description": "A duration: 90s, 30min, 24h, 7d, 2w, 1mo, 1y.",
    },
    datetime: TIME,
    Zone: {"type": "string", "description": "A time zone: Europe/Berlin."},
    str: {"type": "string"},
}
_TABLE = {"type": "array", "items": {"type": "object"}}
_TUPLE = re.compile(r"tuple\[(.*), *(?:dict|Mapping)\[.*\]\]", re.DOTALL)


def reference(name: str, part: str = "schemas") -> dict[str, Any]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{part}/{name}"}


def in_requests(function: Function) -> list[Parameter]:
    """Return the parameters that a request can set: no files of the server."""
    return [p for p in function.parameters if shape(p.annotation).type not in {Names, Path}]


def parameter_schema(parameter: Parameter) -> dict[str, Any]:
    """Return the schema of a function's parameter, with its default."""
    target = shape(parameter.annotation)
    schema = _item(target)
    if target.many:
        schema = {"type": "array", "items": schema}
    default = plain(parameter.default)
    if default is not None and default != []:
        schema["default"] = default
    return schema


def _item(target: Shape) -> dict[str, Any]:
    if target.choices:
        return {"type": "string", "enum": list(target.choices)}
    return dict(_SIMPLE.get(target.type, {}))


def data_schema(function: Function) -> dict[str, Any]:
    """Return the schema of what a query returns, as far as its annotation says it."""
    annotation = getattr(function.call, "__annotations__", {}).get("return", "")
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if pair := _TUPLE.fullmatch(text.strip()):
        text = pair[1]
    text = text.strip()
    if text == "ir.Table" or re.match(r"list\[(dict|Mapping)\[", text):
        return dict(_TABLE)
    if re.match(r"(dict|Mapping)\b", text):
        return {"type": "object"}
    if re.match(r"(list|Sequence|tuple)\b", text):
        return {"type": "array"}
    simple = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
    return {"type": simple[text]} if text in simple else {}


def answer_schema(function: Function) -> dict[str, Any]:
    """Return the schema of the document that a query about events answers with."""
    return {
        "type": "object",
        "required": ["query", "parameters", "coverage", "data"],
        "properties": {
            "query": {"const": function.name},
            "parameters": {"type": "object"},
            "coverage": reference("Coverage"),
            "data": data_schema(function),
            "diagnostics": {"type": "object"},
        },
        "additionalProperties": False,
    }


#: The schemas that several operations share.
COMPONENTS: Mapping[str, Mapping[str, Any]] = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "hint"],
                "properties": {
                    "code": {"type": "string", "description": "A short name for programs."},
                    "message": {"type": "string", "description": "What happened."},
                    "hint": {"type": "string", "description": "What to do next; may be empty."},
                },
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    },
    "Coverage": {
        "type": "object",
        "description": "How complete the store is in the range, and its known gaps.",
        "required": ["state", "gaps"],
        "properties": {
            "state": reference("CoverageState"),
            "gaps": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["start", "end", "source", "why"],
                    "properties": {
                        "start": {"type": "string"},
                        "end": {"type": "string"},
                        "source": {"type": "string"},
                        "why": {"type": "string"},
                    },
                },
            },
        },
    },
    "CoverageState": {"type": "string", "enum": ["complete", "healed", "unproven"]},
}
