"""Trust settings referenced from segment headers and dead letters by number.

The writer of a segment decides how its signatures are checked, not the process that loads it:
otherwise a query that loads waiting segments would accept what the listener must refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hubbub.collector.signatures.guard import Guard, TrustFiles
from hubbub.errors import UsageError
from hubbub.logger import get_logger
from hubbub.store.spool.segment import TRUST

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = ["UNREADY", "Trusts", "register_trust"]

#: Key of the state: numbers of the trusts whose frames wait because they cannot be checked.
UNREADY = "trusts:unready"

_log = get_logger("hubbub.store")
_logged: set[str] = set()  # errors that this process logged: a loader retries every few seconds


def register_trust(state: State, files: TrustFiles) -> int:
    """Store trust settings and return their number, which is always the same for the same files."""
    text = msgspec.json.encode(files).decode()
    with state.transaction() as db:
        db.execute("INSERT OR IGNORE INTO trusts (files) VALUES (?)", (text,))
        row = db.execute("SELECT number FROM trusts WHERE files = ?", (text,)).fetchone()
    return int(row[0])


class Trusts:
    """The guards of one loader run, by trust number.

    Each trust's files are read once per run, so that changes take effect with the next run.

    Args:
        state: where trusts are registered.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._guards: dict[int, Guard | None] = {}
        self._unready: set[int] = set()

    def guard(self, flags: int) -> Guard | None:
        """Return the guard that frames with these flags must pass; None: they need none.

        Raises:
            UsageError: the trust is not registered, or its files cannot be read now.
        """
        number = flags >> TRUST
        if number == 0:
            return None
        if number not in self._guards:
            files = self._files(number)
            self._guards[number] = None if files is None else Guard(files.load())
        guard = self._guards[number]
        if guard is None:
            raise UsageError(
                f"the store has no trust settings with number {number}",
                where=str(self.state.path),
                hint="gather the same time from history; the messages stay in the spool folder",
            )
        return guard

    def ready(self, flags: int) -> bool:
        """Whether frames with these flags can be checked now; if not, log it once: they wait."""
        try:
            self.guard(flags)
        except UsageError as error:
            if str(error) not in _logged:
                _logged.add(str(error))
                _log.error(
                    "messages wait: their signatures cannot be checked",
                    why=error.what,
                    where=error.where,
                )
            self._unready.add(flags >> TRUST)
            return False
        return True

    def record_unready(self) -> None:
        """Store which trusts this run could not check, so that nothing waits for their frames."""
        unready = sorted(self._unready) or None
        if self.state.get(UNREADY) != unready:
            self.state.set(UNREADY, unready)

    def _files(self, number: int) -> TrustFiles | None:
        rows = self.state.rows("SELECT files FROM trusts WHERE number = ?", number)
        return msgspec.json.decode(rows[0][0], type=TrustFiles) if rows else None
