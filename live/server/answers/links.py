"""The address of an answer that stays the same: its range in absolute times, and the version."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from hubbub.live.server.answers.parameters import Parameters
    from hubbub.registry import Function

__all__ = ["AT", "HEADER", "permanent_link"]

#: The parameter with the version of the events table.
AT = "at"
#: The header with the permanent address of an answer.
HEADER = "Hubbub-Permanent-Link"
_SUFFIXES = {"text": "txt"}
_FORMS = frozenset({"json", "jsonl", "csv", "text", "html", "parquet", "svg", "png"})
_LONGEST = 4_000  # characters of an address that goes into a header


def permanent_link(
    function: Function, form: str, values: Parameters, edges: tuple[str, str], version: int
) -> str:
    """Return the path and parameters of a permanent address; empty if an answer has none.

    Args:
        function: the query or view.
        form: the encoding of the answer.
        values: the parameters of the request.
        edges: beginning and end of the answer's range, ISO 8601.
        version: of the events table.
    """
    since, until = edges
    texts = [text for given in values.values() for text in given]
    posted = any(type(text) is not str for text in texts)  # JSON, which an address cannot hold
    if form not in _FORMS or posted or version < 0:
        return ""
    kept = {n: v for n, v in values.items() if n not in {"since", "until", "content_type", AT}}
    parameters = {**kept, "since": [since], "until": [until], AT: [str(version)]}
    query = urlencode(sorted(parameters.items()), doseq=True)
    path = f"/{function.kind}/{quote(function.name)}.{_SUFFIXES.get(form, form)}"
    link = f"{path}?{query}"
    return link if len(link) <= _LONGEST else ""
