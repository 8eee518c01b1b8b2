"""Lines of which each describes an item of a forge, and may give several events.

- `perceval`: JSON lines of Perceval (`--json-line`): `backend_name`, `category`, `origin`, `uuid`,
  `updated_on`, `data`, …
- `gharchive`: lines of GH Archive's hourly files: `type`, `repo`, `actor`, `payload`, `created_at`;
  until 2014 `repository` and no `id`.

Which events an item has is said by rules (`people.items`); this module only parses the line.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from hubbub.collector.decode.objects import parse_object
from hubbub.collector.decode.reasons import refuse

__all__ = ["ITEM_FORMATS", "Item", "item_of", "parse_item"]

#: Formats of which a line may give several events, by rules (`people.items`).
ITEM_FORMATS = ("perceval", "gharchive")

_MOST = 200  # characters of the name of a backend, category or type


class Item(msgspec.Struct, frozen=True):
    """A parsed line."""

    kind: str  # what rules match: `github issue`, `gharchive IssuesEvent`, in lower case
    body: dict[str, Any]
    content: str  # hash of the line, for events that have no id


def parse_item(body: bytes) -> Item:
    """Parse a line.

    Raises:
        MessageError: `not-json`, `not-an-object`, `too-deep`; `no-item` for any other object.
    """
    item = item_of(parse_object(body), body)
    if item is None:
        raise refuse("no-item")
    return item


def item_of(value: dict[str, Any], body: bytes) -> Item | None:
    """Return the item that an object is, or None.

    Args:
        value: the object.
        body: the line that it was parsed from.
    """
    backend, category, form = value.get("backend_name"), value.get("category"), value.get("type")
    if isinstance(backend, str) and isinstance(category, str) and type(value.get("data")) is dict:
        kind = f"{backend} {category}"
    elif isinstance(form, str) and "payload" in value and "actor" in value:
        kind = f"gharchive {form}"
    else:
        return None
    if len(kind) > _MOST:
        return None
    return Item(kind.lower(), value, hashlib.sha256(body.strip()).hexdigest()[:40])
