"""The schema of a server: what it answers, as a client reads it.

In: the JSON of `/schema`. Out: `Entry` by kind and name, or an error that says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["API", "API_HEADER", "MEDIA_TYPE", "Entry", "SchemaError", "parse"]

#: The version of the addresses and their answers. A change that an older client misreads raises it.
API = 1
#: The header in which a server states it.
API_HEADER = "Hubbub-Api"
#: Of a whole `Result` or `Drawing`, as servers of hubbub give them to each other (`exchange`).
MEDIA_TYPE = "application/vnd.hubbub.answer+json"
_MOST = 20_000  # functions of one server
_KINDS = frozenset({"query", "view"})
_DOCUMENTS = frozenset({"JSON array", "JSON object"})  # see `hubbub.parameters.Shape.word`


class SchemaError(ValueError):
    """This is not the schema of a server whose answers this version can read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A function of a server."""

    kind: str
    name: str
    doc: str = ""
    category: str = ""
    #: Whether the common options (range, filters, zone) matter to it.
    common: bool = False
    #: The name of the server that it has from another one; empty: its own.
    server: str = ""
    #: Of what it knows, ready for JSON.
    facts: Mapping[str, Any] | None = None

    @property
    def public(self) -> bool:
        """Whether it can be called by name: a schema lists no others."""
        return True

    @property
    def documents(self) -> frozenset[str]:
        """The names of the parameters whose values are JSON arrays or objects."""
        listed = (self.facts or {}).get("parameters")
        stated = [p for p in listed if isinstance(p, dict)] if isinstance(listed, list) else []
        return frozenset(str(p.get("name")) for p in stated if p.get("type") in _DOCUMENTS)


def parse(body: bytes, version: str | None) -> dict[str, dict[str, Entry]]:
    """Return the functions of a server, by kind and name.

    Args:
        body: the answer: a list of entries, or an object with `version` and `functions`.
        version: the value of the header `Hubbub-Api`; None: the server sent none.

    Raises:
        SchemaError: the answer is no schema, or that of another version.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SchemaError("its answer is not JSON") from error
    entries = document
    if isinstance(document, dict):
        version = version if version is not None else str(document.get("version"))
        entries = document.get("functions")
    if version is not None and version != str(API):
        raise SchemaError(f"it speaks version {version[:20]!r} of the interface, this one {API}")
    if not isinstance(entries, list) or len(entries) > _MOST:
        raise SchemaError("its answer is not a list of functions")
    found: dict[str, dict[str, Entry]] = {"query": {}, "view": {}}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise SchemaError("its answer lists something that is no function")
        kind = entry.get("class", entry.get("kind"))
        if kind in _KINDS and not entry["name"].startswith("_"):
            found[kind][entry["name"]] = _entry(kind, entry)
    return found


def _entry(kind: str, entry: Mapping[str, Any]) -> Entry:
    texts = {key: str(entry.get(key) or "") for key in ("doc", "category", "server")}
    common = entry.get("common_options") is True
    return Entry(kind=kind, name=entry["name"], common=common, facts=entry, **texts)
