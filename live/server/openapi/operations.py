"""The operations that are neither queries nor views, by the path of their route.

A route that is not listed is described by the docstring of its endpoint alone; a test says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hubbub.live.server.openapi.functions import errors, operation
from hubbub.live.server.openapi.schemas import TIME, reference
from hubbub.store.query.selection import FILTERS

__all__ = ["OPERATIONS"]

Methods = Mapping[str, Mapping[str, Any]]
_STRING = {"type": "string"}
_ANY: Mapping[str, Any] = {}
_PAGE = {"text/html": _STRING}
_STREAMED = ("topic", "category", "user", "object", "action")
_ETAG = {"ETag": {"schema": _STRING, "required": True}}
_COVERAGE = {"Hubbub-Coverage": {"schema": reference("CoverageState"), "required": True}}


def _path(name: str, text: str = "") -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _STRING, "description": text}


def _query(name: str, text: str, schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema or _STRING}


def _answer(
    contents: Mapping[str, Any], headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    content = {kind: {"schema": schema} if schema else {} for kind, schema in contents.items()}
    found = {"description": "The answer.", "content": content}
    return found | ({"headers": headers} if headers else {})


def _get(
    summary: str,
    scope: str,
    contents: Mapping[str, Any],
    *parameters: Mapping[str, Any],
    tag: str,
    statuses: tuple[int, ...] = (),
    headers: Mapping[str, Any] | None = None,
) -> Methods:
    """Return a GET that needs a scope; an empty one: none."""
    described = operation(
        summary, "", scope,
        tags=[tag],
        parameters=list(parameters),
        responses={"200": _answer(contents, headers), **errors(*statuses)},
    )  # fmt: skip
    return {"get": described if scope else described | {"security": []}}


_FAULT = {
    "type": "object",
    "required": ["name", "what", "hint"],
    "properties": dict.fromkeys(("name", "what", "hint"), _STRING),
}
_HEALTH = {
    "type": "object",
    "required": ["status", "version", "faults"],
    "properties": {
        "status": {"enum": ["ok", "degraded", "failing"]},
        "version": _STRING,
        "queued": {"type": "integer", "description": "Queries and views that wait."},
        "faults": {"type": "array", "items": _FAULT},
    },
}
_ACCEPTED = {
    "type": "object",
    "required": ["status", "id"],
    "properties": {
        "status": {"enum": ["accepted", "pong"]},
        "id": {"type": ["string", "null"], "description": "Of the delivery."},
    },
}
_SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["class", "name", "category", "doc"],
        "properties": {
            "class": {"enum": ["query", "view"]},
            "name": _STRING,
            "category": _STRING,
            "doc": _STRING,
            "parameters": {"type": "array", "items": {"type": "object"}},
        },
    },
}
_EXPLAINED = {
    "type": "object",
    "required": ["query", "parameters", "coverage"],
    "properties": {"query": _STRING, "parameters": {"type": "object"}},
}
_ENVELOPE = {
    "type": "object",
    "required": ["code", "message", "data"],
    "properties": {"data": {"type": "array", "items": {"type": "object"}}},
}


def _monitoring() -> Iterator[tuple[str, Methods]]:
    responses = {status: _answer({"application/json": _HEALTH}) for status in ("200", "503")}
    summary = "Whether the server works; 503 with the reasons if not."
    health = {"summary": summary, "tags": ["monitoring"], "security": [], "responses": responses}
    yield "/healthz", {"get": health}
    texts = {"text/plain": _STRING, "application/openmetrics-text": _STRING}
    yield "/metrics", _get("Metrics for Prometheus.", "read", texts, tag="monitoring")


def _description() -> Iterator[tuple[str, Methods]]:
    contents = {"application/json": {"type": "object"}}
    yield (
        "/openapi.json",
        _get("This description.", "read", contents, tag="description", statuses=(304,),
             headers=_ETAG),
    )  # fmt: skip
    listed = {"application/json": _SCHEMA, "text/html": _STRING}
    html = _query("f", "`html`: a page.", {"type": "string", "enum": ["html", "json"]})
    yield "/schema", _get("All queries and views.", "read", listed, html, tag="description")


def _events() -> Iterator[tuple[str, Methods]]:
    accepted = _answer({"application/json": _ACCEPTED})
    form = {"type": "object", "properties": {"payload": _STRING}}
    yield (
        "/hook/{name}",
        {
            "post": {
                "summary": "A delivery of a webhook, signed by its sender.",
                "description": "The hooks are those of the configuration. 2xx: it is on the disk.",
                "tags": ["events"],
                "security": [],
                "parameters": [_path("name", "of the hook")],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"type": "object"}},
                        "application/x-www-form-urlencoded": {"schema": form},
                    },
                },
                "responses": {"200": accepted, "202": accepted, **errors(404)},
            }
        },
    )


def _posted() -> Iterator[tuple[str, Methods]]:
    text = _query("message", "An event as JSON, a list of events, or a list of JSON texts.")
    schema = {"type": "object", "properties": {"message": _STRING, "msg": _STRING}}
    events = {"type": ["object", "array"]}
    described = {
        "summary": "Take events in; answered when they are on the disk, and handled.",
        "tags": ["events"],
        "security": [{"bearer": ["write"]}, {"session": ["write"]}],
        "parameters": [text, {**text, "name": "msg", "description": "The same as `message`."}],
        "responses": {"200": _answer({"text/plain": {"const": "Success"}}), **errors()},
    }
    body = {
        "content": {
            "application/json": {"schema": events},
            "application/x-www-form-urlencoded": {"schema": schema},
        }
    }
    yield "/httpevent", {"get": described, "post": {**described, "requestBody": body}}


def _pages() -> Iterator[tuple[str, Methods]]:
    """Yield what a person reads; the live page and the forms of all queries and views."""
    for path, title, parameters in (
        ("/", "The live page.", ()),
        ("/embed/{panel}", "One panel of the live page, for other sites.", (_path("panel"),)),
        ("/overview", "What there is.", ()),
        ("/explore", "All queries and views.", ()),
        ("/explore/{name}", "A query or view, with its form.", (_path("name"),)),
        ("/explore/query/{name}", "A query, with its form.", (_path("name"),)),
        ("/explore/view/{name}", "A view, with its form.", (_path("name"),)),
    ):
        yield path, _get(title, "read", _PAGE, *parameters, tag="pages", statuses=(404, 504))
    filters = [reference(name, "parameters") for name in _STREAMED]
    replay = (
        _query("replay", "A day of the past instead of the present."),
        _query("at", "Where in that day to begin."),
        _query("speed", "How many times faster than it was."),
    )
    frames = {"text/event-stream": _STRING}
    yield "/live", _get("Frames of the live page.", "read", frames, *filters, *replay, tag="pages")
    number = {"application/json": {"type": "object", "properties": {"at": {"type": "number"}}}}
    yield "/live/clock", _get("The server's time, ms since 1970.", "read", number, tag="pages")
    yield (
        "/files/{module}/{name}",
        _get("A file that a plugin publishes.", "people", {"*/*": _ANY}, _path("module"),
             _path("name"), tag="plugins", statuses=(304, 404)),
    )  # fmt: skip
    found = {"application/json": {"type": ["array", "object"]}, "text/html": _STRING}
    yield "/event_properties", _get("What plugins define of events.", "read", found, tag="plugins")


def _sessions() -> Iterator[tuple[str, Methods]]:
    moved = {"description": "Go on there.", "headers": {"Location": {"schema": _STRING}}}
    fields: dict[str, Mapping[str, Any]] = {
        "/login": {"token": _STRING, "next": _STRING}, "/logout": {}, "/me/close": {},
    }  # fmt: skip
    titles = {"/login": "Log in with a token.", "/logout": "Log out.", "/me/close": "Close it."}
    for path, properties in fields.items():
        schema = {"type": "object", "properties": properties}
        post = {
            "summary": titles[path],
            "tags": ["pages"],
            "security": [],
            "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}},
            "responses": {"200": _answer(_PAGE), "303": moved, **errors()},
        }
        page = {} if path == "/me/close" else _get(titles[path], "", _PAGE, tag="pages")
        yield path, {**page, "post": post}
    own = _get("A person's own page.", "", _PAGE, _query("token", "of the link"), tag="pages",
               statuses=(404, 504))  # fmt: skip
    yield "/me", {"get": {**own["get"], "responses": {**own["get"]["responses"], "303": moved}}}


def _explain() -> Iterator[tuple[str, Methods]]:
    contents = {"application/json": _EXPLAINED, "text/html": _STRING}
    parameters = (
        _path("name", "of a query; with `.json` or `.html` also the encoding"),
        _query("row", "column=value of the row", {"type": "array", "items": _STRING}),
        _query("column", "whose number is explained"),
        _query("page", "of 100 events", {"type": "integer", "minimum": 1, "maximum": 999_999_999}),
    )
    yield (
        "/explain/{name}",
        _get("The events that a number counts.", "people", contents, *parameters, tag="query",
             statuses=(304, 404, 504), headers={**_ETAG, **_COVERAGE}),
    )  # fmt: skip


def _sharing() -> Iterator[tuple[str, Methods]]:
    shared = [reference(name, "parameters") for name in ("since", "until", "by", "bots", "tz")]
    parameters = (
        _path("name", "of a query, with or without `.svg`"),
        _query("path", "to the number in the data, for example `0.messages`"),
        _query("label", "the text on the left"),
        *shared,
    )
    picture = {"image/svg+xml": _STRING}
    yield (
        "/badge/{name}",
        _get("One number of a query as a badge, with its coverage.", "read", picture, *parameters,
             tag="sharing", statuses=(304, 404, 504), headers=_ETAG),
    )  # fmt: skip
    entries = {"application/atom+xml": _STRING}
    listed = _query("weeks", "how many, at most", {"type": "integer", "minimum": 1, "maximum": 104})
    filters = [reference(name, "parameters") for name in (*FILTERS, "by", "bots", "tz")]
    yield (
        "/feed.atom",
        _get("What changed each week.", "read", entries, listed, *filters, tag="sharing",
             statuses=(304, 504), headers={**_ETAG, **_COVERAGE}),
    )  # fmt: skip


def _usage() -> Iterator[tuple[str, Methods]]:
    yield "/usage", _get("The topics with usage reports.", "read", _PAGE, tag="usage",
                         statuses=(504,))  # fmt: skip
    topic = _path("topic", "it may hold a slash")
    period = (
        _query("start", "Begin of the range; by default 90 days before its end.", TIME),
        _query("end", "End of the range, exclusive; by default now.", TIME),
        _query(
            "aggregate",
            "Day, week, month, quarter or year.",
            {"type": "string", "enum": ["d", "w", "m", "q", "y"], "default": "w"},
        ),
        reference("bots", "parameters"),
        reference("tz", "parameters"),
    )
    tables = {
        "json": ("application/json", _ENVELOPE), "csv": ("text/csv", _STRING),
        "html": ("text/html", _STRING), "txt": ("text/plain", _STRING),
    }  # fmt: skip
    pictures = {
        "svg": ("image/svg+xml", _STRING), "html": ("text/html", _STRING),
        "png": ("image/png", _ANY),
    }  # fmt: skip
    drawn = [reference(name, "parameters") for name in ("theme", "lang", "width", "height")]
    for kind, forms, more in (("raw", tables, []), ("plot", pictures, drawn)):
        what = "The table of a report." if kind == "raw" else "The picture of a report."
        for suffix in ("", *(f".{name}" for name in forms)):
            chosen = [forms[suffix[1:]]] if suffix else list(forms.values())
            content_type = [] if suffix else [_query("content_type", "Encoding of the answer.")]
            yield (
                f"/usage/{{topic}}/{kind}{suffix}",
                _get(what, "read", dict(chosen), topic, *period, *more, *content_type, tag="usage",
                     statuses=(304, 404, 504), headers={**_ETAG, **_COVERAGE}),
            )  # fmt: skip
    yield (
        "/usage/{topic}",
        _get("The page of a report.", "read", _PAGE, topic, *period, tag="usage",
             statuses=(304, 404, 504)),
    )  # fmt: skip


def _alerts() -> Iterator[tuple[str, Methods]]:
    limit = {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}
    parameters = (
        _query("since", "Begin of the history; by default its first change.", TIME),
        _query("until", "End of the history, exclusive.", TIME),
        _query("rule", "Only of this rule."),
        _query("limit", "Changes of the history at most.", limit),
    )
    chosen = _query("content_type", "Encoding of the answer.")
    object_ = {"type": "object"}
    forms = {"json": ("application/json", object_), "html": ("text/html", _STRING),
             "csv": ("text/csv", _STRING)}  # fmt: skip
    title = "Alert rules, alerts that are on, their history and silences."
    yield "/alerts", _get(title, "read", dict(forms.values()), *parameters, chosen, tag="alerts")
    for suffix, form in forms.items():
        yield f"/alerts.{suffix}", _get(title, "read", dict([form]), *parameters, tag="alerts")
    number = _path("number", "of the alert; with `.json` or `.html` also the encoding")
    contents = {"application/json": object_, "text/html": _STRING}
    one = "One alert, by the permanent link of notifications."
    yield (
        "/alerts/{number}",
        _get(one, "read", contents, number, chosen, tag="alerts", statuses=(404,)),
    )


#: Operations by path and method.
OPERATIONS: Mapping[str, Methods] = {
    **dict(_monitoring()),
    **dict(_description()),
    **dict(_events()),
    **dict(_posted()),
    **dict(_pages()),
    **dict(_sessions()),
    **dict(_explain()),
    **dict(_sharing()),
    **dict(_usage()),
    **dict(_alerts()),
}
