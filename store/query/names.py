"""Which stored users some globs match, so that queries compare few names instead of many rows.

A regular expression for each row, of the built-in list of bots, took half of the time of a query
that counts users. A store has far fewer users than rows, and the weekly rollup lists them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hubbub.store.query.globs import pattern
from hubbub.store.query.times import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubbub.store.query.from_rollups import RollupReader
    from hubbub.store.query.identity import Persons
    from hubbub.store.query.selection import Selection

__all__ = ["knowing_names"]


def knowing_names(persons: Persons, reader: RollupReader, chosen: Selection) -> Persons:
    """Return the persons, who know the names in a selection's range when they are asked."""
    names = [name for accounts in persons.accounts.values() for name in accounts]
    return replace(persons, matching=_StoredNames(reader, chosen, names).matching)


@dataclass
class _StoredNames:
    """The users that the events of a selection can name.

    Attributes:
        reader: of the snapshot.
        chosen: the selection; its range counts.
        others: further names that users may have: those of persons.
    """

    reader: RollupReader
    chosen: Selection
    others: Sequence[str]
    _names: list[str] | None = field(default=None, init=False)
    _known: bool = field(default=False, init=False)
    _matching: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict, init=False)

    def matching(self, globs: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the names that match one of these globs; None if the names are not known."""
        names = self._read()
        if names is None:
            return None
        if globs not in self._matching:  # each part of a query asks for the same
            plain = {glob for glob in globs if pattern(glob) is None}
            patterns = [p for glob in globs if (p := pattern(glob)) is not None]
            search = re.compile("|".join(patterns).replace("(?s)", ""), re.DOTALL).search
            found = {n for n in names if n in plain or (patterns and search(n))}
            self._matching[globs] = tuple(sorted(found))
        return self._matching[globs]

    def _read(self) -> list[str] | None:
        if not self._known:
            self._known, self._names = True, self._from_rollup()
        return self._names

    def _from_rollup(self) -> list[str] | None:
        """Read the names from the weekly rollup, and from events that were committed after it."""
        usable = self.reader.rollup("weekly_users")
        if usable is None:
            return None
        rows = usable.rows
        since, until = self.chosen.since, self.chosen.until
        if since is not None and since > self.reader.oldest:
            rows = rows.filter(rows.time >= stamp(usable.rollup.floor(since)))
        if until is not None and until <= self.reader.newest:
            rows = rows.filter(rows.time < stamp(until))
        names: Any = rows.select("user").distinct()
        if usable.since.files:
            everybody = replace(self.chosen, bots=True, not_user=(), user=())
            later = self.reader.select(usable.since.files, everybody).stored
            names = names.union(later.select(user=later.users.unnest()).distinct())
            names = names.union(later.select(user=later.agent).distinct())
        found = self.reader.backend.to_pyarrow(names)["user"].to_pylist()
        return [*(name for name in found if name is not None), *self.others]
