"""How large the next commit may be: smaller after a batch that did not fit.

A batch that needs more memory than there is rarely ends in an error: the kernel kills the loader,
or a library aborts it. The size is therefore recorded in the state for as long as a loader runs,
and a loader that finds such a record starts with less. Where a single record is a batch, its place
is recorded too: one that ended `DEATHS` loaders is no longer read, and becomes a dead letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = ["DEATHS", "KEY", "SHRINK", "BatchSize"]

KEY = "loading"  # of the checkpoint; it exists while a loader runs, and after one that died
SHRINK = 8  # a batch that did not fit is loaded again in parts of this fraction
STEADY = 16  # batches that must fit before they become twice as large again
DEATHS = 2  # loaders that ended over a single record; one may have been killed by chance


class BatchSize:
    """The size of the batches of one run of the loader.

    Args:
        state: holds the record.
        records: of a batch of full size, at most.
        held: bytes of a batch of full size, at most.

    Attributes:
        unfit: the place of a record that ended several loaders; None: there is none.
    """

    def __init__(self, state: State, records: int, held: int) -> None:
        self._state, self._records, self._held = state, records, held
        self._divisor, self._fitted = 1, 0
        self._place, self._deaths = "", 0
        self.unfit: str | None = None
        if (left := state.get(KEY)) is not None:  # by a loader that died
            self._divisor = left["divisor"]
            self._place = left["place"]
            self._deaths = left["deaths"] + bool(self._place)
            if self._deaths >= DEATHS:
                self.unfit = self._place
            self._shrink(records)
        self._record()

    @property
    def records(self) -> int:
        """The most records of the next batch."""
        return self._most_records

    @property
    def _divisor(self) -> int:
        return self._divided_by

    @_divisor.setter
    def _divisor(self, divisor: int) -> None:
        self._divided_by = divisor
        self._most_records = max(1, self._records // divisor)
        self._most_held = self._held // divisor

    def full(self, records: int, held: int) -> bool:
        """Whether a batch of so many records and bytes is to be committed."""
        return records >= self._most_records or held >= self._most_held

    def _record(self) -> None:
        document = {"divisor": self._divisor, "place": self._place, "deaths": self._deaths}
        self._state.set(KEY, document)

    def _shrink(self, records: int) -> None:
        if self.records > 1:
            self._divisor = SHRINK * max(self._divisor, self._records // max(records, 1))
        self._fitted = 0

    def reading(self, name: str, start: int | None = None) -> None:
        """Note that the record at a place is read next, if it is a batch by itself.

        Args:
            name: of a segment, or the place of a dead letter.
            start: of the record in the segment, bytes.
        """
        if self._most_records > 1:
            return
        place = name if start is None else f"{name}:{start}"
        if place != self._place:
            self._place, self._deaths = place, 0
            self._record()

    def fitted(self) -> None:
        """Note that a batch was committed."""
        if self._divisor == 1:
            return
        self._fitted += 1
        if self._fitted >= STEADY:
            self._divisor, self._fitted = max(1, self._divisor // 2), 0
            self._place, self._deaths = "", 0
            self._record()

    def shrink(self, records: int) -> None:
        """Note that a batch of so many records did not fit."""
        self._shrink(records)
        self._record()

    def done(self) -> None:
        """Note that the run ended by itself."""
        self._state.set(KEY, None)
