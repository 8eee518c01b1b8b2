"""Merges of accounts into persons: an append-only journal, and the mapping that results from it.

A merge entry states that `account` is the person called `person`; an undo entry reverts a merge.
The merges that were not undone, in their order, give `Persons`, which queries apply when they read.
Stored events never change, so that undoing a merge restores exactly the state before it. Names are
kept as entered, so that undoing one link of a chain leaves the other links valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from hubbub.collector.names import normalise_object
from hubbub.errors import UsageError
from hubbub.store.query.globs import fits, literal

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = ["NO_MERGES", "Entry", "Persons", "entries", "merge", "persons", "undo"]

_LIST_HINT = "`hubbub identity list` shows the journal"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the journal: a merge, or the undoing of one."""

    number: int
    time: int  # µs since the epoch
    who: str
    why: str
    account: str
    person: str
    undoes: int | None = None  # the merge that this entry undoes; None: it is a merge
    undone: int | None = None  # the entry that undoes this merge

    @property
    def applies(self) -> bool:
        """Whether it is a merge in force."""
        return self.undoes is None and self.undone is None


@dataclass(frozen=True)
class Persons:
    """Mapping of merged accounts to persons.

    Args:
        names: account → the person's name, for every account that counts under another name.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    #: Which names that users of some events can have match globs; None: not known.
    matching: Callable[[tuple[str, ...]], tuple[str, ...] | None] | None = field(
        default=None, compare=False, repr=False
    )

    def __bool__(self) -> bool:
        return bool(self.names)

    def name(self, account: str) -> str:
        """Return the name under which an account counts."""
        return self.names.get(account, account)

    @cached_property
    def accounts(self) -> dict[str, tuple[str, ...]]:
        """The accounts of each person that has several; the person's name comes first."""
        accounts: dict[str, list[str]] = {}
        for account, person in sorted(self.names.items()):
            accounts.setdefault(person, [person]).append(account)
        return {person: tuple(names) for person, names in sorted(accounts.items())}

    def widened(self, globs: Iterable[str]) -> tuple[str, ...]:
        """Extend globs to all accounts of each person of whom they match at least one.

        A filter then means the same person before and after a merge, whichever name it uses.
        """
        out = tuple(globs)
        for accounts in self.accounts.values() if out else ():
            if any(fits(account, out) for account in accounts):
                out += tuple(literal(account) for account in accounts)
        return tuple(dict.fromkeys(out))

    def left_out(self, globs: Iterable[str]) -> tuple[str, ...]:
        """Return `widened`, as plain names of users that there are, where these are known.

        Comparing with names is cheap, and often there are none.
        """
        out = self.widened(globs)
        found = self.named(out)
        return out if found is None else tuple(map(literal, found))

    def named(self, globs: Iterable[str]) -> tuple[str, ...] | None:
        """Return the names that match globs, of users that there may be; None: not known."""
        globs = tuple(globs)
        return self.matching(globs) if globs and self.matching is not None else None


#: No account is merged.
NO_MERGES = Persons()


def entries(state: State) -> list[Entry]:
    """Return the whole journal, oldest first."""
    rows = state.rows(
        "SELECT a.number, a.time, a.who, a.why, a.account, a.person, a.undoes, b.number"
        " FROM identity a LEFT JOIN identity b ON b.undoes = a.number ORDER BY a.number"
    )
    return [Entry(*row) for row in rows]


def persons(state: State) -> Persons:
    """Return the persons that result from the merges in force."""
    return _persons(entries(state))


def _persons(journal: Iterable[Entry]) -> Persons:
    parents: dict[str, str] = {}
    for entry in journal:
        if entry.applies:
            account, person = _root(parents, entry.account), _root(parents, entry.person)
            if account != person:  # otherwise implied by earlier merges: never creates a cycle
                parents[account] = person
    return Persons({account: _root(parents, account) for account in parents})


def _root(parents: Mapping[str, str], account: str) -> str:
    while account in parents:
        account = parents[account]
    return account


def merge(state: State, account: str, person: str, *, who: str, why: str, time: int) -> Entry:
    """Record that `account` is the person called `person`, until it is undone.

    If either was merged before, the two persons become one, under the name that `person` counts
    under.

    Args:
        state: of the store.
        account: the account that will count under another name.
        person: the account whose name stays.
        who: the author of the entry.
        why: the evidence.
        time: now, µs since the epoch.

    Raises:
        UsageError: an invalid name, no author or reason, or they are already one person.
    """
    account, person = _account(account), _account(person)
    who, why = _required(who, "who states it", "--who"), _required(why, "why", "--why")
    with state.transaction() as db:
        account, person = map(state.forgotten.account, (account, person))
        current = persons(state)
        if account == person:
            raise UsageError(f"both names are the same account, {account!r}", hint="name two")
        if (name := current.name(person)) == current.name(account):
            raise UsageError(
                f"{account!r} and {person!r} are already one person, called {name!r}",
                hint=f"to use another name, undo the merge first; {_LIST_HINT}",
            )
        cursor = db.execute(
            "INSERT INTO identity (time, who, why, account, person) VALUES (?, ?, ?, ?, ?)",
            (time, *map(state.forgotten.text, (who, why)), account, person),
        )
        number = cursor.lastrowid
    return next(entry for entry in entries(state) if entry.number == number)


def undo(state: State, number: int, *, who: str, why: str = "", time: int) -> Entry:
    """Undo a merge, as if it had never been recorded.

    Args:
        state: of the store.
        number: of the merge.
        who: the author of the entry.
        why: the reason; optional.
        time: now, µs since the epoch.

    Raises:
        UsageError: no such merge, or it is already undone.
    """
    who = _required(who, "who states it", "--who")
    with state.transaction() as db:
        entry = next((entry for entry in entries(state) if entry.number == number), None)
        if entry is None:
            raise UsageError(f"there is no entry {number}", hint=_LIST_HINT)
        if entry.undoes is not None:
            raise UsageError(
                f"entry {number} undoes entry {entry.undoes} and cannot be undone itself",
                hint="merge the accounts again",
            )
        if entry.undone is not None:
            raise UsageError(
                f"entry {number} was already undone by entry {entry.undone}", hint=_LIST_HINT
            )
        cursor = db.execute(
            "INSERT INTO identity (time, who, why, account, person, undoes)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                time,
                state.forgotten.text(who),
                state.forgotten.text(why.strip()),
                entry.account,
                entry.person,
                number,
            ),
        )
        new_number = cursor.lastrowid
    return next(entry for entry in entries(state) if entry.number == new_number)


def _account(name: str) -> str:
    """Return an account as stored; `normalise` would reject some accounts of notebooks."""
    cleaned = normalise_object(name)
    if cleaned is None:
        raise UsageError(f"{name!r} is not an account name", hint="give it as queries show it")
    return cleaned


def _required(text: str, meaning: str, option: str) -> str:
    if not text.strip():
        raise UsageError(f"the journal records {meaning}", where=option, hint="it cannot be empty")
    return text.strip()
