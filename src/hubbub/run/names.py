"""Results for a reader who may not see the names of people.

Which functions name people is declared where they are registered (`names_people`, `accounts`).
`Anonymity` refuses those that do, and the parameters with which names could be tried out; in
results that a view draws it puts "person 1", "person 2", … in the place of accounts, in the current
language. Known programs and objects keep their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, urlencode

from hubbub.collector.names import is_bot
from hubbub.collector.topics import structure
from hubbub.errors import NotAllowedError
from hubbub.language import _, ngettext
from hubbub.registry import Function

if TYPE_CHECKING:
    from hubbub.store.query.selection import EventFilters
    from hubbub.store.state.ledger import CoverageSpan

__all__ = ["ACCOUNT_PARAMETERS", "NAMING", "Anonymity", "names_people", "refuse"]

#: Parameters that take accounts: who sees what they select can try out names.
ACCOUNT_PARAMETERS = frozenset({"not_user", "user", "without"})
#: Injected objects in which there are names; of a function that asks for one of them nothing else
#: is known unless it is declared.
NAMING = frozenset({"affiliations", "db", "events", "ledger", "mongodb", "past"})
#: Without one of these a function cannot know more than its parameters tell.
_KNOWING = NAMING | {"cache", "fs", "query", "samples", "state", "view"}
#: Keys of data whose values are objects or topics: an account may be one as a whole.
_THINGS = frozenset({"name", "object", "objects", "target", "topic"})
#: Folders of people in a path.
_OWNERS = frozenset(
    {"fork", "forks", "home", "member", "members", "people", "u", "user", "users", "~"}
)
_DOTS = 3  # in an account that is looked for in a topic
_HINT = "it needs the scope `people`: log in at /login, or send a token with this scope"


def refuse(what: str) -> NoReturn:
    """Refuse a request that may not see names.

    Raises:
        NotAllowedError: always.
    """
    raise NotAllowedError(what, hint=_HINT)


def names_people(function: Function, own: Mapping[str, Any]) -> bool:
    """Whether a function names people itself, beside the results of queries that it calls.

    Args:
        function: a query or view.
        own: its own parameters, converted.
    """
    declared = function.names_people
    if isinstance(declared, str):
        return bool(own.get(declared))
    if declared is None:
        return bool(function.accounts) or not NAMING.isdisjoint(function.signature)
    return declared


class Anonymity:
    """Hides people in the results of one request, in which each keeps its number.

    Args:
        bots: globs of known programs, whose names are shown; None: all names are.
        accounts: names that are also replaced where they are a part of an object or topic:
            `forks/anna/rpms`, `….git.branch.anna.main`.
        words: texts that stay as they are, though there is an account of this name: categories.
        trusted: whether who asks may select accounts, whose names are then not stated; the readers
            of the result could not.
    """

    def __init__(
        self,
        bots: Iterable[str] | None,
        accounts: Iterable[str] = (),
        words: Collection[str] = (),
        *,
        trusted: bool = False,
    ) -> None:
        self._off = bots is None
        self._bots = tuple(bots or ())
        self._words = frozenset(words)
        self._trusted = trusted
        self._accounts_within = {
            name.casefold(): name for name in accounts if not is_bot(name, self._bots)
        }
        self._names: dict[str, str] = {}
        self._people = 0

    def admit(
        self,
        function: Function,
        own: Mapping[str, Any],
        stated: Mapping[str, Any],
        common: EventFilters,
        depth: int,
    ) -> None:
        """Refuse a call whose result would tell about people.

        Args:
            function: to be called.
            own: its own parameters, converted.
            stated: the parameters of the request.
            common: the common filters of the request.
            depth: 0 for a request; more for a query that a view or query calls, whose accounts can
                be hidden.

        Raises:
            NotAllowedError: it names people, or a parameter takes accounts.
        """
        if self._off or function.kind == "cron":
            return
        if names_people(function, own) and not (depth and function.accounts):
            refuse(f"{function.noun} {function.name!r} names people")
        if depth or self._trusted or _KNOWING.isdisjoint(function.signature):
            return
        given = {"user": common.user, "not_user": common.not_user}
        for name in sorted(ACCOUNT_PARAMETERS):
            if stated.get(name) or given.get(name):
                refuse(f"the parameter {name!r} takes accounts")

    def hides_from(self, function: Function) -> bool:
        """Whether what this function calls by itself may name no person."""
        return not self._off and function.kind != "cron" and function.names_people is not False

    def parameters(self, stated: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters that a result states, with numbers of accounts for their names."""
        if self._off:
            return stated
        return {
            name: [_number(value)] if name in ACCOUNT_PARAMETERS and value else value
            for name, value in stated.items()
        }

    def hide(self, function: Function, value: Any) -> Any:
        """Return JSON-ready data of a query with other names for people.

        They are numbered in the order of the data; the keys of an object by their counts, the
        largest first.
        """
        if self._off:
            return value
        if function.accounts:
            value = self._hidden(value, frozenset(function.accounts))
        return self._texts_hidden(value) if self._accounts_within else value

    def _texts_hidden(self, value: Any, *, whole: bool = False) -> Any:
        """Replace accounts in the texts of JSON-ready data; whole texts only where things are."""
        if isinstance(value, str):
            return self.text(value, whole=whole)
        if isinstance(value, Mapping):
            return {
                self.text(key, whole=False): self._texts_hidden(inner, whole=key in _THINGS)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self._texts_hidden(item, whole=whole) for item in value]
        return value

    def text(self, text: str, *, whole: bool = True) -> str:
        """Return an object, a topic or an account with `person 1`, … for each account in it.

        A part of a topic's fixed beginning is none, nor is the last part of a path, which is what
        the path leads to, unless its folder is one of people.

        Args:
            text: of a result.
            whole: whether a text that is an account is replaced.
        """
        if " " in text or not self._accounts_within:
            return text
        if "/" in text:
            *folders, last = text.split("/")
            personal = last.startswith(("~", "@")) or folders[-1].lower() in _OWNERS
            return "/".join([*map(self._part, folders), self._part(last) if personal else last])
        head = structure(text) if "." in text else ""
        if head and head != text and text.startswith(f"{head}."):
            return f"{head}.{self._rest_of_topic(text[len(head) + 1 :].split('.'))}"
        return self._part(text) if whole and text not in self._words else text

    def _part(self, part: str) -> str:
        """Return a part of a path with another name for an account: `~anna`, `@anna`, `anna`."""
        bare = part.lstrip("~@")
        account = self._accounts_within.get(bare.casefold())
        return part if account is None else part[: len(part) - len(bare)] + self.name(account)

    def _rest_of_topic(self, parts: list[str]) -> str:
        """Replace accounts in what follows the fixed beginning; they may contain dots."""
        written, i = [], 0
        while i < len(parts):
            for length in range(min(_DOTS + 1, len(parts) - i), 0, -1):
                account = self._accounts_within.get(".".join(parts[i : i + length]).casefold())
                if account is not None or length == 1:
                    written.append(parts[i] if account is None else self.name(account))
                    i += length
                    break
        return ".".join(written)

    def spans(self, spans: tuple[CoverageSpan, ...]) -> tuple[CoverageSpan, ...]:
        """Return spans of the ledger that do not tell for whom history was gathered."""
        if self._off:
            return spans
        return tuple(replace(span, filters=self._filters(span.filters)) for span in spans)

    def _filters(self, key: str) -> str:
        if "user=" not in key:
            return key
        return urlencode([(k, self.name(v) if k == "user" else v) for k, v in parse_qsl(key)])

    def name(self, account: str) -> str:
        """Return `person 1`, … for an account; the name itself of a known program."""
        name = self._names.get(account)
        if name is None:
            if is_bot(account, self._bots):
                name = account
            else:
                self._people += 1
                name = _("person {number}", number=self._people)
            self._names[account] = name
        return name

    def _hidden(self, value: Any, accounts: frozenset[str]) -> Any:
        if isinstance(value, Mapping):
            return {
                key: self._accounts(inner, accounts)
                if key in accounts
                else self._hidden(inner, accounts)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self._hidden(item, accounts) for item in value]
        return value

    def _accounts(self, value: Any, accounts: frozenset[str]) -> Any:
        if isinstance(value, str):
            return self.name(value)
        if isinstance(value, list):
            return [self._accounts(item, accounts) for item in value]
        if isinstance(value, Mapping):
            busiest = sorted(value, key=lambda name: -_total(value[name]))
            return {self.name(name): self._hidden(value[name], accounts) for name in busiest}
        return value


def _number(accounts: Any) -> str:
    """Return what stands for a list of accounts."""
    number = 1 if isinstance(accounts, str) else len(accounts)
    return ngettext("({n} account)", "({n} accounts)", number, n=number)


def _total(value: Any) -> int:
    """Add up the whole numbers in a JSON value."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return sum(map(_total, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return sum(map(_total, value))
    return 0
