"""Which accounts are one person: a journal of merges, and what follows from it.

Comes in: statements by people ("these two accounts are one person", "entry 3 was wrong"). Goes out:
the journal, and `Persons`, which the engine applies when reading. Stored events never change, so
that taking a statement back restores exactly what was there before it.

The journal only grows. A merge says that `account` is the person called `person`; what is in force
are the merges that no undo names, in their order. Names are kept as stated, so that undoing one
link of a chain leaves the others as they were meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from hubbub.collector.names import normalise_object
from hubbub.errors import UsageError
from hubbub.store.query.globs import fits, literal

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = ["NO_MERGES", "Entry", "Persons", "entries", "merge", "persons", "undo"]

_LISTED = "`hubbub identity list` shows the journal"


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of the journal."""

    number: int
    time: int  # µs since the epoch
    who: str
    why: str
    account: str
    person: str
    undoes: int | None = None  # the merge that this entry takes back; None: it is a merge
    undone: int | None = None  # the entry that takes this merge back

    @property
    def applies(self) -> bool:
        """Whether it is a merge in force."""
        return self.undoes is None and self.undone is None


@dataclass(frozen=True)
class Persons:
    """From accounts to persons.

    Args:
        names: account → the person's name, for every account that is counted under another name.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.names)

    def name(self, account: str) -> str:
        """Under which name an account counts."""
        return self.names.get(account, account)

    @cached_property
    def accounts(self) -> dict[str, tuple[str, ...]]:
        """The accounts of each person that has several: the one that gives the name first."""
        found: dict[str, list[str]] = {}
        for account, person in sorted(self.names.items()):
            found.setdefault(person, [person]).append(account)
        return {person: tuple(all_of_them) for person, all_of_them in sorted(found.items())}

    def widened(self, globs: Iterable[str]) -> tuple[str, ...]:
        """Globs that match every account of each person of whom the given ones match an account.

        So a filter means the same person before and after the merge, whichever of the names it
        uses.
        """
        out = tuple(globs)
        for its in self.accounts.values() if out else ():
            if any(fits(account, out) for account in its):
                out += tuple(literal(account) for account in its)
        return tuple(dict.fromkeys(out))


#: Every account is a person of its own.
NO_MERGES = Persons()


def entries(state: State) -> list[Entry]:
    """The whole journal, oldest first."""
    rows = state.rows(
        "SELECT a.number, a.time, a.who, a.why, a.account, a.person, a.undoes, b.number"
        " FROM identity a LEFT JOIN identity b ON b.undoes = a.number ORDER BY a.number"
    )
    return [Entry(*row) for row in rows]


def persons(state: State) -> Persons:
    """What the merges in force say."""
    return _persons(entries(state))


def _persons(journal: Iterable[Entry]) -> Persons:
    above: dict[str, str] = {}
    for entry in journal:
        if entry.applies:
            account, person = _top(above, entry.account), _top(above, entry.person)
            if account != person:  # else it follows from the others: no cycle can come to be
                above[account] = person
    return Persons({account: _top(above, account) for account in above})


def _top(above: Mapping[str, str], account: str) -> str:
    while account in above:
        account = above[account]
    return account


def merge(state: State, account: str, person: str, *, who: str, why: str, time: int) -> Entry:
    """State that `account` is the person called `person`, from now on until it is undone.

    Either may have been merged before: then the two persons become one, under the name that
    `person` counts under.

    Args:
        state: of the store.
        account: the account that will count under another name.
        person: the account whose name stays.
        who: whoever says so.
        why: what it rests on.
        time: now, µs since the epoch.

    Raises:
        UsageError: no names, no reason, or they are one person already.
    """
    account, person = _account(account), _account(person)
    who, why = _stated(who, "who says so", "--who"), _stated(why, "why", "--why")
    with state.transaction() as db:
        account, person = map(state.forgotten.account, (account, person))
        known = persons(state)
        if account == person:
            raise UsageError(f"{account!r} is one account already", hint="name two")
        if known.name(account) == known.name(person):
            raise UsageError(
                f"{account!r} and {person!r} are one person already, called {known.name(person)!r}",
                hint=f"to call them by another name undo the merge first; {_LISTED}",
            )
        made = db.execute(
            "INSERT INTO identity (time, who, why, account, person) VALUES (?, ?, ?, ?, ?)",
            (time, *map(state.forgotten.text, (who, why)), account, person),
        )
        number = made.lastrowid
    return next(entry for entry in entries(state) if entry.number == number)


def undo(state: State, number: int, *, who: str, why: str = "", time: int) -> Entry:
    """Take a merge back: everything is as if it had never been stated.

    Args:
        state: of the store.
        number: of the merge.
        who: whoever takes it back.
        why: the reason, if there is one to keep.
        time: now, µs since the epoch.

    Raises:
        UsageError: no such merge, or it is undone.
    """
    who = _stated(who, "who says so", "--who")
    with state.transaction() as db:
        found = next((entry for entry in entries(state) if entry.number == number), None)
        if found is None:
            raise UsageError(f"there is no entry {number}", hint=_LISTED)
        if found.undoes is not None:
            raise UsageError(
                f"entry {number} takes back entry {found.undoes} and cannot be undone itself",
                hint="merge the accounts again",
            )
        if found.undone is not None:
            raise UsageError(f"entry {number} was undone by entry {found.undone}", hint=_LISTED)
        made = db.execute(
            "INSERT INTO identity (time, who, why, account, person, undoes)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(time, state.forgotten.text(who), state.forgotten.text(why.strip())),
                *(found.account, found.person, number),
            ),
        )
        taken = made.lastrowid
    return next(entry for entry in entries(state) if entry.number == taken)


def _account(name: str) -> str:
    """A name as it is stored; notebook accounts are more than `normalise` would leave."""
    cleaned = normalise_object(name)
    if cleaned is None:
        raise UsageError(f"{name!r} is no name of an account", hint="give it as queries show it")
    return cleaned


def _stated(text: str, what: str, option: str) -> str:
    if not text.strip():
        raise UsageError(f"the journal keeps {what}", where=option, hint="it cannot be empty")
    return text.strip()
