"""Documents: JSON values under keys that plugins and jobs store between runs.

Each module has collections of its own. Forgotten names are replaced by pseudonyms: values under
the keys `user`, `agent`, `account`, `alias` and `person` are accounts, which are compared as a
whole; every other text is compared word by word.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from hubbub.store.state.database import State
from hubbub.store.state.pseudonyms import ACCOUNTS

__all__ = ["Collection", "Documents"]

_SCOPE = "module = ? AND collection = ?"


class Collection(MutableMapping[str, Any]):
    """One collection: a mapping from keys to JSON values, ordered by key.

    Every change is durable when it returns, or at the end of the `transaction` around it.
    """

    def __init__(self, state: State, module: str, name: str) -> None:
        self._state, self._names = state, (module, name)

    @property
    def _scope(self) -> tuple[str, ...]:
        """Module and collection as they are stored: a forgotten name is scrubbed from them too."""
        return tuple(map(self._state.forgotten.text, self._names))

    def __getitem__(self, key: str) -> Any:
        key = self._state.forgotten.text(key)
        rows = self._state.rows(
            f"SELECT value FROM documents WHERE {_SCOPE} AND key = ?",  # noqa: S608 - a constant
            *self._scope,
            key,
        )
        if not rows:
            raise KeyError(key)
        return json.loads(rows[0][0])

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"the key of a document is a string, not {type(key).__name__}")
        with self._state.transaction() as db:
            forgotten = self._state.forgotten
            text = json.dumps(forgotten.document(json.loads(json.dumps(value)), ACCOUNTS))
            db.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
                (*self._scope, forgotten.text(key), text),
            )

    def append(self, value: Any) -> str:
        """Store a JSON value under a new key, which sorts after earlier ones; return the key."""
        key = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        self[key] = value
        return key

    def __delitem__(self, key: str) -> None:
        with self._state.transaction() as db:
            key = self._state.forgotten.text(key)
            self[key]  # raises KeyError
            db.execute(
                f"DELETE FROM documents WHERE {_SCOPE} AND key = ?",  # noqa: S608 - a constant
                (*self._scope, key),
            )

    def __iter__(self) -> Iterator[str]:
        rows = self._state.rows(
            f"SELECT key FROM documents WHERE {_SCOPE} ORDER BY key",  # noqa: S608 - a constant
            *self._scope,
        )
        return iter([key for (key,) in rows])

    def __len__(self) -> int:
        rows = self._state.rows(
            f"SELECT count(*) FROM documents WHERE {_SCOPE}",  # noqa: S608 - a constant
            *self._scope,
        )
        return int(rows[0][0])

    def between(self, first: str, last: str) -> dict[str, Any]:
        """Return the documents with keys from `first` to `last`, both included."""
        rows = self._state.rows(
            f"SELECT key, value FROM documents WHERE {_SCOPE} AND key BETWEEN ? AND ? ORDER BY key",  # noqa: S608 - a constant
            *self._scope,
            first,
            last,
        )
        return {key: json.loads(value) for key, value in rows}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the changes to documents and `state` within it together, or none of them."""
        with self._state.transaction():
            yield

    def clear(self) -> None:
        """Remove every document of the collection."""
        with self._state.transaction() as db:
            db.execute(f"DELETE FROM documents WHERE {_SCOPE}", self._scope)  # noqa: S608 - a constant


class Documents:
    """The collections of one module: `db["name"]`.

    Args:
        state: the store's.
        module: the module that owns the collections.
    """

    def __init__(self, state: State, module: str) -> None:
        self._state, self._module = state, module

    def __getitem__(self, name: str) -> Collection:
        return Collection(self._state, self._module, name)

    def collections(self) -> list[str]:
        """Return the names of the collections that hold a document, sorted."""
        rows = self._state.rows(
            "SELECT DISTINCT collection FROM documents WHERE module = ? ORDER BY collection",
            self._state.forgotten.text(self._module),
        )
        return [name for (name,) in rows]
