"""Documents: what plugins and jobs keep between runs, as JSON under a key.

Comes in: a module's name, the name of a collection, keys and JSON values. Goes out: the same,
durable, and with pseudonyms for the names of those who were forgotten: under the keys `user`,
`agent`, `account`, `alias` and `person` stand accounts, which are compared as a whole, and every
other text is compared by its words. Two modules never see each other's collections.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from hubbub.store.state.database import State
from hubbub.store.state.pseudonyms import ACCOUNTS

__all__ = ["Collection", "Documents"]

_AT = "module = ? AND collection = ?"


class Collection(MutableMapping[str, Any]):
    """One collection: a mapping from a key to a JSON value, in the order of the keys.

    Every change is durable when it returns, or at the end of the `transaction` around it.
    """

    def __init__(self, state: State, module: str, name: str) -> None:
        self._state, self._names = state, (module, name)

    @property
    def _at(self) -> tuple[str, ...]:
        return tuple(map(self._state.forgotten.text, self._names))  # as the table was scrubbed

    def __getitem__(self, key: str) -> Any:
        key = self._state.forgotten.text(key)
        found = self._state.rows(
            f"SELECT value FROM documents WHERE {_AT} AND key = ?",  # noqa: S608 - a constant
            *self._at,
            key,
        )
        if not found:
            raise KeyError(key)
        return json.loads(found[0][0])

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"the key of a document is a text, not {type(key).__name__}")
        with self._state.transaction() as db:
            forgotten = self._state.forgotten
            text = json.dumps(forgotten.document(json.loads(json.dumps(value)), ACCOUNTS))
            db.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
                (*self._at, forgotten.text(key), text),
            )

    def __delitem__(self, key: str) -> None:
        with self._state.transaction() as db:
            key = self._state.forgotten.text(key)
            gone = db.execute(
                f"DELETE FROM documents WHERE {_AT} AND key = ?",  # noqa: S608 - a constant
                (*self._at, key),
            )
            if not gone.rowcount:
                raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        rows = self._state.rows(
            f"SELECT key FROM documents WHERE {_AT} ORDER BY key",  # noqa: S608 - a constant
            *self._at,
        )
        return iter([key for (key,) in rows])

    def __len__(self) -> int:
        found = self._state.rows(
            f"SELECT count(*) FROM documents WHERE {_AT}",  # noqa: S608 - a constant
            *self._at,
        )
        return int(found[0][0])

    def between(self, first: str, last: str) -> dict[str, Any]:
        """The documents whose keys lie from `first` to `last`, both included."""
        rows = self._state.rows(
            f"SELECT key, value FROM documents WHERE {_AT} AND key BETWEEN ? AND ? ORDER BY key",  # noqa: S608 - a constant
            *self._at,
            first,
            last,
        )
        return {key: json.loads(value) for key, value in rows}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: the changes of documents and of `state` within it, durable at its end."""
        with self._state.transaction():
            yield

    def clear(self) -> None:
        """Remove every document of the collection."""
        with self._state.transaction() as db:
            db.execute(f"DELETE FROM documents WHERE {_AT}", self._at)  # noqa: S608 - a constant


class Documents:
    """The collections of one module: `db["name"]`.

    Args:
        state: the store's.
        module: whose collections these are.
    """

    def __init__(self, state: State, module: str) -> None:
        self._state, self._module = state, module

    def __getitem__(self, name: str) -> Collection:
        return Collection(self._state, self._module, name)

    def collections(self) -> list[str]:
        """The names of the collections that hold a document, sorted."""
        rows = self._state.rows(
            "SELECT DISTINCT collection FROM documents WHERE module = ? ORDER BY collection",
            self._state.forgotten.text(self._module),
        )
        return [name for (name,) in rows]
