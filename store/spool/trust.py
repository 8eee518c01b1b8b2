"""Whom the frames of a segment must satisfy: trusts by number.

Comes in: where a trust's files are. Goes out: a number, which travels in the head of a segment and
with a dead letter; and for that number the guard, whoever loads. Were it a setting of the process
that loads, a query that finds waiting segments would let pass what the listener was told to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from hubbub.collector.signatures.guard import Guard, TrustFiles
from hubbub.errors import UsageError
from hubbub.store.spool.segment import TRUST

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = ["UNREADY", "Trusts", "register_trust"]

#: Key of the state: the numbers of the trusts whose frames wait, because they cannot be judged.
UNREADY = "trusts:unready"

_log = structlog.get_logger("hubbub.store")
_said: set[str] = set()  # by this process: a loader looks again every few seconds


def register_trust(state: State, files: TrustFiles) -> int:
    """The number of a trust, which stays the same for the same files."""
    text = msgspec.json.encode(files).decode()
    with state.transaction() as db:
        db.execute("INSERT OR IGNORE INTO trusts (files) VALUES (?)", (text,))
        found = db.execute("SELECT number FROM trusts WHERE files = ?", (text,)).fetchone()
    return int(found[0])


class Trusts:
    """The guards for one run of the loader: files are read once, so that a changed one counts soon.

    Args:
        state: where trusts are remembered.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._guards: dict[int, Guard | None] = {}
        self._unready: set[int] = set()

    def guard(self, flags: int) -> Guard | None:
        """Whom these frames must satisfy; None: nobody.

        Raises:
            UsageError: the trust's files cannot be read now.
        """
        number = flags >> TRUST
        if number == 0:
            return None
        if number not in self._guards:
            self._guards[number] = (
                None if (files := self._files(number)) is None else Guard(files.load())
            )
        found = self._guards[number]
        if found is None:
            raise UsageError(
                f"the store does not know trust {number}",
                where=str(self.state.path),
                hint="gather the same time from history; what waits is in the spool folder",
            )
        return found

    def ready(self, flags: int) -> bool:
        """Whether these frames can be judged now; where they cannot, it is said, and they wait."""
        try:
            self.guard(flags)
        except UsageError as error:
            if str(error) not in _said:
                _said.add(str(error))
                _log.error(
                    "messages wait: their signatures cannot be checked",
                    why=error.what,
                    where=error.where,
                )
            self._unready.add(flags >> TRUST)
            return False
        return True

    def note(self) -> None:
        """Write down what this run could not judge: who waits for it otherwise, waits for ever."""
        found = sorted(self._unready) or None
        if self.state.get(UNREADY) != found:
            self.state.set(UNREADY, found)

    def _files(self, number: int) -> TrustFiles | None:
        found = self.state.rows("SELECT files FROM trusts WHERE number = ?", number)
        return msgspec.json.decode(found[0][0], type=TrustFiles) if found else None
