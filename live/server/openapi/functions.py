"""The operations of queries and views: `/query/NAME` and `/view/NAME`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hubbub.docstrings import as_parameters, split_docstring
from hubbub.language import languages
from hubbub.live.server.negotiation import QUERY_FORMS, VIEW_FORMS
from hubbub.live.server.openapi.schemas import (
    TIME,
    answer_schema,
    in_requests,
    parameter_schema,
    reference,
)
from hubbub.registry import Function
from hubbub.store.query.selection import FILTERS

__all__ = [
    "FORM_TYPES",
    "PARAMETERS",
    "RESPONSES",
    "components",
    "errors",
    "items",
    "media_types",
    "operation",
    "parameter",
    "paths",
    "shared_names",
]

_FILTERS = {
    "topic": "Only these topics (glob).",
    "category": "Only these categories (glob).",
    "user": "Only events of these users (glob).",
    "not_user": "Leave out these users (glob).",
    "object": "Only events that touch these objects (glob).",
    "action": "Only these actions (glob).",
}
_STRINGS = {"type": "array", "items": {"type": "string"}}


def parameter(name: str, text: str, schema: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a parameter of the address."""
    described = {"description": text} if text else {}
    return {"name": name, "in": "query", **described, "schema": schema, **more}


#: Parameters that several functions share, by the name of the component.
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "since": parameter("since", "Start of the range: 2026-01-31, or 7d for 7 days ago.", TIME),
    "until": parameter("until", "End of the range, exclusive.", TIME),
    **{name: parameter(name, _FILTERS[name], _STRINGS) for name in FILTERS},
    "by": parameter(
        "by",
        "Count the account that acted, or all users that a message names.",
        {"type": "string", "enum": ["agent", "users"]},
    ),
    "bots": parameter(
        "bots", "Whether known programs count as people; by default not.", {"type": "boolean"}
    ),
    "tz": parameter(
        "tz",
        "Time zone (Europe/Berlin) in which days begin and times are shown.",
        {"type": "string"},
    ),
    "at": parameter(
        "at",
        "Version of the events: the answer is kept, and stays the same (docs/permanent-links.md).",
        {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999},
    ),
    "query_content_type": parameter(
        "content_type",
        "Encoding of the answer, as a short name or a media type; it wins over `Accept`.",
        {"type": "string", "examples": list(QUERY_FORMS.values())},
    ),
    "view_content_type": parameter(
        "content_type",
        "Encoding of the answer, as a short name or a media type; it wins over `Accept`.",
        {"type": "string", "examples": list(VIEW_FORMS.values())},
    ),
    "theme": parameter(
        "theme",
        "Colours of the picture.",
        {"type": "string", "enum": ["auto", "light", "dark"], "default": "auto"},
    ),
    "lang": parameter(
        "lang",
        "Language of the picture's texts, numbers and dates; by default the configured one.",
        {"type": "string", "enum": list(languages())},
    ),
    "width": parameter(
        "width", "Width of a PNG in pixels.", {"type": "integer", "minimum": 1, "maximum": 4000}
    ),
    "height": parameter(
        "height", "Height of a PNG in pixels.", {"type": "integer", "minimum": 1, "maximum": 4000}
    ),
}
_COMMON = ("since", "until", *FILTERS, "by", "bots", "tz")
_OF_KIND = {
    "query": ("query_content_type",),
    "view": ("view_content_type", "theme", "lang", "width", "height"),
}
_FORMS = {"query": QUERY_FORMS, "view": VIEW_FORMS}
#: Media types of the parameters of a POST.
FORM_TYPES = ("application/x-www-form-urlencoded", "application/json")
_SUFFIXES = {"text": "txt"}

_ERROR = {
    "application/json": {"schema": reference("Error")},
    "text/html": {"schema": {"type": "string"}},
}
_TEXTS = {
    "NotModified": "The client has this answer already (`If-None-Match`).",
    "BadRequest": "A parameter is not allowed; the message names it.",
    "Unauthorized": "The token is missing, unknown, revoked or expired.",
    "Forbidden": "The token lacks a scope; the message names it.",
    "NotFound": "There is no such thing; the hint names what is near.",
    "MethodNotAllowed": "The method is not possible at this address.",
    "TooSlow": "The request took too long to come.",
    "Gone": "It existed, and was deleted; the message says why.",
    "TooLarge": "The body is too large.",
    "Misdirected": "The server does not answer to this name of a host.",
    "TooManyRequests": "Too many attempts; `Retry-After` says when to try again.",
    "Failed": "It failed; the server's log has the reason.",
    "BadGateway": "Another server that was asked did not answer as it should.",
    "Unavailable": "Too many requests wait, or the store cannot be read now.",
    "Timeout": "It took longer than the server's time limit.",
    "NoRoom": "There is no room for it on the disk.",
}
_ETAG = {"description": "Changes only with the bytes of the answer.", "schema": {"type": "string"}}
_LINK: Mapping[str, Any] = {
    "description": "The address whose answer stays the same; not of answers of plugins.",
    "schema": {"type": "string", "format": "uri-reference"},
}
_COVERAGE = {
    "description": "How complete the store is in the range.",
    "schema": reference("CoverageState"),
}
#: The answers that several operations share.
RESPONSES: Mapping[str, Mapping[str, Any]] = {
    name: (
        {"description": text, "headers": {"ETag": _ETAG}}
        if name == "NotModified"
        else {"description": text, "content": _ERROR}
    )
    for name, text in _TEXTS.items()
}
_STATUSES = {
    304: "NotModified", 400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound",
    405: "MethodNotAllowed", 408: "TooSlow", 410: "Gone", 413: "TooLarge", 421: "Misdirected",
    429: "TooManyRequests", 500: "Failed", 502: "BadGateway", 503: "Unavailable", 504: "Timeout",
    507: "NoRoom",
}  # fmt: skip


def errors(*statuses: int) -> dict[str, Any]:
    """Return references to the answers of these statuses, and of those that are always possible."""
    always = (400, 401, 403, 408, 413, 421, 429, 500, 503)
    return {
        str(status): reference(_STATUSES[status], "responses")
        for status in sorted({*always, *statuses})
    }


def _common_names(function: Function) -> tuple[str, ...]:
    """Return the components of the common parameters that a function takes."""
    pinned = ("at",) if is_builtin(function) else ()
    return (*shared_names(function.kind, common=function.has_common_options), *pinned)


def shared_names(kind: str, *, common: bool) -> tuple[str, ...]:
    """Return the components of the parameters that functions of a kind share.

    Args:
        kind: query or view.
        common: whether a range, filters and a zone are among them.
    """
    return (*(_COMMON if common else ()), *_OF_KIND[kind])


def is_builtin(function: Function) -> bool:
    """Whether a function is one of hubbub's own, whose answers have a known form."""
    return function.module.startswith("hubbub.")


def operation(summary: str, text: str, scope: str, **more: Any) -> dict[str, Any]:
    """Return an operation that needs a scope."""
    return {
        "summary": summary,
        **({"description": text} if text else {}),
        "security": [{"bearer": [scope]}, {"session": [scope]}],
        **more,
    }


def paths(function: Function, scope: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the paths of a function, with their operations.

    Args:
        function: a query or view.
        scope: that calling it needs.
    """
    _, arguments = split_docstring(function.doc)
    own = [
        parameter(
            p.name, as_parameters(arguments.get(p.name, "")), parameter_schema(p),
            **({"required": True} if p.required else {}),
        )
        for p in in_requests(function)
    ]  # fmt: skip
    hidden = {p.name for p in function.parameters}
    names = [n for n in _common_names(function) if PARAMETERS[n]["name"] not in hidden]
    responses = {
        "200": reference(_key(function), "responses"),
        **errors(304, 404, 410, 502, 504, 507),
    }
    yield from items(
        function.kind,
        function.name,
        function.doc,
        [*own, *(reference(name, "parameters") for name in names)],
        scope=scope,
        responses=responses,
        body=reference(_key(function), "requestBodies"),
    )


def items(
    kind: str,
    name: str,
    doc: str,
    parameters: Sequence[Mapping[str, Any]],
    *,
    scope: str,
    responses: Mapping[str, Any],
    body: Mapping[str, Any],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the paths of a query or view, with and without a suffix, and their operations.

    Args:
        kind: query or view.
        name: of the function.
        doc: its docstring.
        parameters: of a request.
        scope: that calling it needs.
        responses: by status.
        body: of a POST.
    """
    text = as_parameters(split_docstring(doc)[0]) or name
    summary, _, rest = text.partition("\n")
    by_suffix = [_SUFFIXES.get(form, form) for form in _FORMS[kind].values()]
    suffix = {
        "name": "suffix", "in": "path", "required": True,
        "description": "Encoding of the answer.",
        "schema": {"type": "string", "enum": by_suffix},
    }  # fmt: skip
    base = f"/{kind}/{name}"
    for path, extra in ((base, []), (f"{base}.{{suffix}}", [suffix])):
        item: dict[str, Any] = {"parameters": [*extra, *parameters]}
        for method in ("get", "post"):
            item[method] = operation(
                summary, rest.strip(), scope,
                tags=[kind],
                operationId=f"{method}_{kind}_{name}{'_as' if extra else ''}",
                **({"requestBody": body} if method == "post" else {}),
                responses=responses,
            )  # fmt: skip
        yield path, item


def components(functions: Iterable[Function]) -> dict[str, dict[str, Any]]:
    """Return the components to which the operations of functions refer, by kind and name."""
    return {
        "responses": {_key(f): _answer(f, media_types(f.kind)) for f in functions},
        "requestBodies": {_key(f): _form(f) for f in functions},
    }


def media_types(kind: str) -> list[str]:
    """Return the encodings of the answers of a query or view."""
    return list(_FORMS[kind])


def _key(function: Function) -> str:
    return f"{function.kind}.{function.name}"


def _answer(function: Function, forms: Sequence[str]) -> dict[str, Any]:
    about_events = function.kind == "view" or _about_events(function)
    content: dict[str, Any] = {kind: {"schema": {"type": "string"}} for kind in forms}
    if function.kind == "query":
        content["application/json"] = {"schema": answer_schema(function) if about_events else {}}
    for binary in ("image/png", "application/vnd.apache.parquet"):
        if binary in content:
            content[binary] = {}
    headers: dict[str, Mapping[str, Any]] = {"ETag": {**_ETAG, "required": True}}
    if about_events:
        headers["Hubbub-Coverage"] = {**_COVERAGE, "required": is_builtin(function)}
        headers["Hubbub-Permanent-Link"] = _LINK
    return {"description": "The answer.", "headers": headers, "content": content}


def _about_events(function: Function) -> bool:
    """Whether a query answers with a document: it asks for events, the ledger or samples."""
    return not {"events", "ledger", "samples"}.isdisjoint(function.signature)


def _form(function: Function) -> dict[str, Any]:
    """Return the body of a POST: the same parameters, as a form or a JSON object."""
    properties = {p.name: parameter_schema(p) for p in in_requests(function)}
    for name in _common_names(function):
        shared = PARAMETERS[name]
        properties.setdefault(shared["name"], shared["schema"])
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {
        "description": "Parameters: a form, over which the address wins, or JSON, which wins.",
        "content": {kind: {"schema": schema} for kind in FORM_TYPES},
    }
