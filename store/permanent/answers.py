"""`PermanentAnswers`: the bytes of answers by a key, in the folder `permanent/` of a store.

An answer is a file of its own: a line of JSON with what its headers say, then the searchable text,
then the bytes. Where something of it is deleted from the store, a file with the reason takes its
place. Neither contains the address, which may name a person: the key is a keyed digest of it.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import NoRoomError, StoreError
from hubbub.store.disk.errors import translate_errors
from hubbub.store.disk.files import make_folder, replace_file, sync_folder
from hubbub.store.state.pseudonyms import SEARCHED, Forgotten

if TYPE_CHECKING:
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["Gone", "Kept", "PermanentAnswers"]

#: Larger answers are not kept.
MOST = 32 << 20
_KEPT, _GONE = ".answer", ".gone"
_KEY_NAME = "permanent"  # of the secret in the state
_DELETIONS = "permanent:deletions"  # key in the state
_PIECE = SEARCHED // 8  # bytes that are searched for names at once
_OVERLAP = 8 << 10  # no name is longer, whatever its escapes
_writing = threading.Lock()  # of this process: so that together they stay within their room
_TEMPORARY = ".hubbub.*"  # of processes that were killed while they wrote


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer.

    Attributes:
        body: its bytes.
        media_type: of the body.
        coverage: complete, healed or unproven; empty: it is not about events.
        private: whether it may name people.
        version: of the events table that it was computed from.
        since: the beginning of what it was computed from, µs.
        created: µs.
        text: all texts of the answer that may be names, to be searched instead of the body; empty:
            the body is searched.
    """

    body: bytes
    media_type: str
    coverage: str
    private: bool
    version: int
    since: int
    created: int
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Gone:
    """What takes the place of an answer of which something was deleted."""

    reason: str


class PermanentAnswers:
    """The kept answers of a store; several threads and processes may use it.

    Args:
        folder: `permanent/` of the store; created with the first answer.
        state: of the store.
    """

    def __init__(self, folder: Path, state: State) -> None:
        self._folder, self._state = folder, state

    @classmethod
    def of(cls, store: Store) -> PermanentAnswers:
        """Return the answers of a store."""
        return cls(store.path / "permanent", store.state)

    def key(self, *parts: str) -> str:
        """Return the key of an answer: a digest of what distinguishes it from others.

        The secret of the digest is made with the first key: the state must be writable then.
        """
        rows = self._state.rows("SELECT value FROM secrets WHERE name = ?", _KEY_NAME)
        if not rows:
            with self._state.transaction() as db:
                db.execute(
                    "INSERT OR IGNORE INTO secrets VALUES (?, ?)",
                    (_KEY_NAME, secrets.token_bytes(32)),
                )
            rows = self._state.rows("SELECT value FROM secrets WHERE name = ?", _KEY_NAME)
        text = json.dumps(parts).encode()
        return hmac.digest(rows[0][0], text, "sha256").hex()

    def find(self, key: str) -> Kept | Gone | None:
        """Return the answer of a key, or why it is gone; None: there never was one.

        Raises:
            StoreError: the file is damaged.
        """
        with suppress(FileNotFoundError):
            return Gone(json.loads(self._path(key, _GONE).read_bytes())["reason"])
        try:
            return _read(self._path(key, _KEPT))
        except FileNotFoundError:
            return None

    def keep(self, key: str, make: Callable[[], Kept], *, room: int) -> Kept | Gone:
        """Make an answer and keep it; an answer that is kept or gone stays as it is.

        Args:
            key: of the answer.
            make: computes it.
            room: bytes that all answers together may take.

        Raises:
            NoRoomError: the answers take up all of it, or this one is too large.
            StoreError: a name was forgotten, or events were deleted, meanwhile; asking again helps.
        """
        if (found := self.find(key)) is not None:
            return found
        if self.size() >= room:
            raise _full(room)
        before = self._deletions()
        answer = make()
        content = _content(answer)
        if len(content) > min(MOST, room):
            raise NoRoomError(
                f"an answer of {len(content):,} bytes is too large to be kept",
                hint="ask for a shorter range, or for JSON or SVG",
            )
        with _writing:
            if (found := self.find(key)) is not None:
                return found
            if self.size() + len(content) > room:
                raise _full(room)
            path = self._path(key, _KEPT)
            with translate_errors(self._folder):
                make_folder(path.parent, private=True)
                replace_file(path, content)
            if self._deletions() != before:
                path.unlink(missing_ok=True)
                raise StoreError(
                    "something was deleted from the store while the answer was made",
                    hint="ask again",
                )
        return answer

    def size(self) -> int:
        """Return the bytes that all answers take."""
        total = 0
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def forget(self, forgotten: Forgotten) -> int:
        """Remove the answers that contain a forgotten name; return how many."""
        return self._remove(
            lambda answer: _holds(forgotten, answer.text or answer.body),
            "an account that it named was forgotten",
        )

    def expire(self, before: int) -> int:
        """Remove the answers that were computed from events before a time (µs); return how many."""
        return self._remove(
            lambda answer: answer.since < before,
            "events that it was computed from were deleted by retention",
        )

    def _remove(self, applies: Callable[[Kept], bool], reason: str) -> int:
        removed = 0
        # first: an answer that is made meanwhile, of what is being deleted, is then not kept
        self._state.set(_DELETIONS, secrets.token_hex(8))
        for path in self._paths():
            try:
                doomed = applies(_read(path))
            except FileNotFoundError:
                continue
            except StoreError:
                doomed = True  # what it contains is not known
            if doomed:
                replace_file(path.with_suffix(_GONE), json.dumps({"reason": reason}).encode())
                path.unlink(missing_ok=True)
                sync_folder(path.parent)
                removed += 1
        for temporary in self._folder.glob(f"*/{_TEMPORARY}"):
            temporary.unlink(missing_ok=True)
        return removed

    def _paths(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob(f"*/*{_KEPT}"))

    def _path(self, key: str, suffix: str) -> Path:
        return self._folder / key[:2] / f"{key}{suffix}"

    def _deletions(self) -> object:
        """Return a value that changes with each deletion."""
        return self._state.get(_DELETIONS)


def _full(room: int) -> NoRoomError:
    return NoRoomError(
        f"the answers behind permanent links take up all of the {room:,} bytes that they may",
        hint="raise permanent_size in [serve]; answers without `at` are not affected",
    )


def _content(answer: Kept) -> bytes:
    text = zlib.compress(answer.text) if answer.text else b""
    facts = {n: v for n, v in asdict(answer).items() if n not in {"body", "text"}}
    head = json.dumps({**facts, "text": len(text), "length": len(answer.body),
                       "crc": zlib.crc32(answer.body)})  # fmt: skip
    return b"\n".join((head.encode(), text + answer.body))


def _read(path: Path) -> Kept:
    """Read an answer.

    Raises:
        FileNotFoundError: there is none.
        StoreError: it is damaged.
    """
    head, _, rest = path.read_bytes().partition(b"\n")
    try:
        facts = json.loads(head)
        length, crc, searchable = (facts.pop(name) for name in ("length", "crc", "text"))
        text, body = rest[:searchable], rest[searchable:]
        answer = Kept(body=body, text=zlib.decompress(text) if text else b"", **facts)
    except (ValueError, KeyError, TypeError, zlib.error):
        raise _damaged(path) from None
    if (len(body), zlib.crc32(body)) != (length, crc):
        raise _damaged(path)
    return answer


def _damaged(path: Path) -> StoreError:
    return StoreError(
        "the answer behind a permanent link is damaged",
        where=str(path),
        hint="delete the file: the answer is computed again if its events are still there",
    )


def _holds(forgotten: Forgotten, data: bytes) -> bool:
    """Whether data of any length contain a forgotten name."""
    return any(
        forgotten.holds(data[start : start + _PIECE + _OVERLAP])
        for start in range(0, len(data), _PIECE)
    )
