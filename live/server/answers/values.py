"""Encoding of whatever a query or view returned: a `Result`, a `Drawing`, a text, or other data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hubbub.analyzers.result import Result
from hubbub.calls import exchange
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.html import table_csv
from hubbub.errors import HubbubError
from hubbub.formats import encode
from hubbub.live.server.answers.cache import Answer
from hubbub.live.server.negotiation import VIEW_FORMS
from hubbub.times import EPOCH

__all__ = ["EXCHANGE", "encode_query", "encode_view"]

#: The form in which hubbub's own client asks for an answer.
EXCHANGE = "exchange"
_MEDIA_TYPES = {form: media_type for media_type, form in VIEW_FORMS.items()}
_PAGE = f"{_MEDIA_TYPES['html']}; charset=utf-8"


def encode_query(
    name: str, value: Any, form: str, *, stated: bool, private: bool = False
) -> Answer:
    """Encode the answer of a query.

    Args:
        name: of the query.
        value: a `Result`, or its bare value: a text stays as it is, other data become JSON.
        form: a name in `hubbub.formats.encode.MEDIA_TYPES`, or `EXCHANGE`.
        stated: whether the request states the form; a text is then a value like any other.
        private: whether it may name people.
    """
    body, media_type = _query_body(name, value, form, stated=stated)
    coverage = value.coverage.state if isinstance(value, Result) else ""
    return Answer(body, media_type, coverage=coverage, private=private)


def _query_body(name: str, value: Any, form: str, *, stated: bool) -> tuple[bytes, str]:
    if form == EXCHANGE:
        return exchange.encode(value), exchange.MEDIA_TYPE
    if isinstance(value, Result):
        return encode.encode(value, form), encode.MEDIA_TYPES[form]
    if isinstance(value, str) and not stated:
        return value.encode("utf-8", "replace"), encode.MEDIA_TYPES["text"]
    if form == "json":
        return encode.json_text(value).encode(), encode.MEDIA_TYPES["json"]
    # tables and pages are made of results; this one is about no range
    result = Result(query=name, parameters={}, data=value, since=EPOCH, until=EPOCH, events=0)
    return encode.encode(result, form), encode.MEDIA_TYPES[form]


def encode_view(
    value: Any,
    form: str,
    *,
    width: int | None = None,
    height: int | None = None,
    private: bool = False,
) -> Answer:
    """Encode the answer of a view.

    Args:
        value: a `Drawing`, or a text, which is HTML.
        form: svg, png, html, `EXCHANGE`, or csv or json: the rows behind a picture.
        width: of a PNG, in pixels.
        height: of a PNG, in pixels.
        private: whether it may name people.

    Raises:
        HubbubError: the value is none of these.
    """
    if not isinstance(value, (Drawing, str)):
        raise HubbubError(f"a view cannot return a {type(value).__name__}")
    if form == EXCHANGE:
        body, media_type = exchange.encode(value), exchange.MEDIA_TYPE
    elif isinstance(value, str):
        body, media_type = value.encode("utf-8", "replace"), _PAGE
    elif form == "html":
        body, media_type = value.html().encode(), _PAGE
    elif form == "png":
        body, media_type = value.png(width, height=height), _MEDIA_TYPES["png"]
    elif form == "csv":
        body, media_type = table_csv(value).encode(), encode.MEDIA_TYPES["csv"]
    elif form == "json":
        body, media_type = msgspec.json.encode(value.table(), enc_hook=str), _MEDIA_TYPES["json"]
    else:
        body, media_type = value.svg(), _MEDIA_TYPES[form]
    coverage = _coverage(value.metadata) if isinstance(value, Drawing) else ""
    return Answer(body, media_type, coverage=coverage, private=private)


def _coverage(metadata: Mapping[str, Any]) -> str:
    coverage = metadata.get("coverage", "unproven")
    state = coverage.get("state") if isinstance(coverage, Mapping) else coverage
    return str(state or "unproven")
