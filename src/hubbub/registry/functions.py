"""The registry of functions that are decorated with `@query`, `@view`, `@cron` and their like.

A signature defines a command line: parameters become options, except those that hubbub injects.
The registry never calls a function; `hubbub.run` does. The decorators of functions of events are in
`hubbub.registry.events`.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from hashlib import blake2s
from typing import Any, Literal, TypeVar, get_args, overload

from hubbub.registry.annotations import Names, Parameter, annotation

__all__ = ["ABOUT_EVENTS", "INJECTED", "RANGE", "REGISTRY", "SCOPED", "Function", "Names",
           "Parameter", "Registry", "cron", "query", "register", "view"]  # fmt: skip

Kind = Literal["query", "view", "event_handler", "event_property", "cron"]
F = TypeVar("F", bound=Callable[..., Any])

#: Parameters that hubbub fills in; a request cannot set them.
INJECTED = frozenset(
    {
        *("events", "query", "view", "chart"),
        *("db", "mongodb", "fs", "cache", "state"),
        *("progress", "source", "clock", "log", "params", "affiliations", "ledger"),
        *("alert_rules", "malformed", "past", "samples", "zone"),
    }
)
#: Common options that a function may receive as parameters; they apply to `events` in any case.
RANGE = ("since", "until", "by", "bots")
#: A query that asks for none of these answers with its bare value, without range and coverage.
ABOUT_EVENTS = frozenset({"events", "past", "ledger", "samples"})
#: What a range, filters or a zone can change: a function that asks for none has no common options.
SCOPED = ABOUT_EVENTS | {*RANGE, "affiliations", "chart", "query", "view", "zone"}


@dataclass(frozen=True)
class Function:
    """A registered function."""

    kind: Kind
    name: str
    call: Callable[..., Any]
    module: str
    title: str = ""
    description: str | None = None
    category: str | None = None
    names_people: bool | str | None = None  # a text: where the parameter of this name is true
    accounts: tuple[str, ...] = ()  # keys of its data whose values are accounts
    headline: tuple[str, ...] = ()  # columns that a narrow terminal shows first
    columns: tuple[str, ...] = ()  # of an answer without rows
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        """The kind as it appears in messages: query, view, job or event handler."""
        return "job" if self.kind == "cron" else self.kind.replace("_", " ")

    @cached_property
    def doc(self) -> str:
        """The help text: the description if there is one, else the docstring, else empty."""
        return self.description if self.description is not None else inspect.getdoc(self.call) or ""

    @cached_property
    def signature(self) -> Mapping[str, inspect.Parameter]:
        """All parameters by name, injected ones included."""
        return inspect.signature(self.call).parameters

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a request may set: neither injected nor common range options.

        A trailing underscore is dropped, for names that Python reserves: `from_` is `--from`.

        Raises:
            TypeError: an annotation that cannot be resolved at run time.
        """
        return tuple(
            Parameter(
                name=name.removesuffix("_"),
                annotation=annotation(self.call, p),
                default=None if p.default is p.empty else p.default,
                required=p.default is p.empty,
            )
            for name, p in self.signature.items()
            if name not in INJECTED
            and name not in RANGE
            and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
        )

    def argument(self, parameter: str) -> str:
        """Return the name of a parameter in the Python signature: `from_` for `from`."""
        return parameter if parameter in self.signature else f"{parameter}_"

    def parameter(self, argument: str) -> str:
        """Return the parameter's name for a name that a caller used: `from` also for `from_`."""
        return argument.removesuffix("_") if argument in self.signature else argument

    @property
    def about_events(self) -> bool:
        """Whether it is about the stored events: a query's answer is then more than its value."""
        return not ABOUT_EVENTS.isdisjoint(self.signature)

    @property
    def has_common_options(self) -> bool:
        """Whether a range, filters or a zone can change what it returns."""
        given = {"events"} if self.kind == "event_handler" else set()
        return self.kind == "cron" or not (SCOPED - given).isdisjoint(self.signature)

    @property
    def key(self) -> str:
        """Module and name: the identity of an event handler."""
        return f"{self.module}:{self.name}"

    @property
    def built_in(self) -> bool:
        """Whether it is hubbub's own."""
        return self.module.partition(".")[0] == "hubbub"

    @property
    def public(self) -> bool:
        """Whether users may call it: names with a leading underscore are private."""
        return not self.name.startswith("_")


class Registry:
    """Functions by kind and name: each kind has names of its own.

    Attributes:
        event_handlers: by `Function.key`, in the order of their registration.
        files: the stem of each plugin file, by the name of its module.
    """

    def __init__(self) -> None:
        self.queries: dict[str, Function] = {}
        self.views: dict[str, Function] = {}
        self.event_handlers: dict[str, Function] = {}
        self.event_properties: dict[str, Function] = {}
        self.jobs: dict[str, Function] = {}
        self.files: dict[str, str] = {}

    def of(self, kind: str) -> dict[str, Function]:
        """Return the functions of a kind by name (event handlers: by `Function.key`)."""
        kinds = {
            "query": self.queries,
            "view": self.views,
            "event_handler": self.event_handlers,
            "event_property": self.event_properties,
            "cron": self.jobs,
        }
        return kinds[kind]

    def all(self) -> Iterator[Function]:
        """Return every function, kind by kind."""
        for kind in get_args(Kind):
            yield from self.of(kind).values()

    def add(self, function: Function) -> None:
        """Register a function; it replaces one of the same name (handlers: and module).

        A built-in function never replaces another.
        """
        names = self.of(function.kind)
        key = function.key if function.kind == "event_handler" else function.name
        if key in names and names[key].call is not function.call:
            if function.built_in and not names[key].built_in:
                return
            warnings.warn(
                f"{function.noun} {function.name!r} of {names[key].module} is replaced "
                f"by the one of {function.module}",
                stacklevel=4,
            )
        names[key] = function

    def wrap(self, call: Callable[..., Any], wrapper: Callable[..., Any]) -> None:
        """Let the functions that are registered with `call` be called through `wrapper`."""
        for kind in get_args(Kind):
            for key, function in self.of(kind).items():
                if function.call is call:
                    self.of(kind)[key] = replace(function, call=wrapper)

    def module_path(self, module: str) -> str:
        """Return the name of a module in addresses: of a plugin file its stem, `karma`.

        Where several files have this stem, a digest before it tells them apart: `3f0c11aa/karma`.
        """
        label = self.files.get(module, module)
        others = {*self.files, *(f.module for f in self.all())} - {module}
        if all(self.files.get(other, other) != label for other in others):
            return label
        return f"{blake2s(module.encode(), digest_size=4).hexdigest()}/{label}"


REGISTRY = Registry()


def _check_function(kind: Kind, call: object) -> None:
    if not callable(call):
        hint = f"write @{kind}(name={call!r})" if isinstance(call, str) else "decorate a function"
        raise TypeError(f"{call!r} is no function for a {kind}: {hint}")


def register(kind: Kind, call: F, names: str | Sequence[str] | None, **attributes: Any) -> F:
    """Register a function under one or several names, by default its own; return it.

    Raises:
        ValueError: not a valid name.
        TypeError: not a function.
    """
    _check_function(kind, call)
    if names is None:
        names = call.__name__
    for name in [names] if isinstance(names, str) else names:
        if not name or not all(c.isalnum() or c in "_." for c in name):
            raise ValueError(
                f"{name!r} is not a valid name for a {kind}: use letters, digits, _ and . only"
            )
        REGISTRY.add(
            Function(kind=kind, name=name, call=call, module=call.__module__, **attributes)
        )
    return call


@overload
def query(call: F) -> F: ...
@overload
def query(
    *,
    name: str | Sequence[str] | None = None,
    description: str | None = None,
    category: str | None = None,
    names_people: bool | str | None = None,
    accounts: Sequence[str] = (),
    headline: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Callable[[F], F]: ...
def query(
    call: F | None = None,
    *,
    name: str | Sequence[str] | None = None,
    description: str | None = None,
    category: str | None = None,
    names_people: bool | str | None = None,
    accounts: Sequence[str] = (),
    headline: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> F | Callable[[F], F]:
    """Register a query: a function that returns a table, a value or a text.

    Args:
        call: the function, if the decorator is used without arguments.
        name: its name, or several; by default the function's.
        description: the help text; by default the function's docstring.
        category: free to use by the plugin; hubbub ignores it.
        names_people: whether its result names people; the server shows such a result only to
            clients who may see names. A text: the parameter of this name decides. None: it is taken
            to name people if it asks for `events`, `db` or other objects that contain names.
        accounts: keys of its data whose values are accounts: a text, a list of texts, or the keys
            of an object. A view for a reader who may not see names is drawn with "person 1" there.
        headline: columns that come first where a terminal is too narrow for all.
        columns: names of the columns, for a list without records; a table has them anyway.

    Raises:
        ValueError: not a valid name.
    """
    facts = {"description": description, "category": category, "names_people": names_people}
    keys = {"accounts": accounts, "headline": headline, "columns": columns}

    def wrap(fn: F) -> F:
        return register("query", fn, name, **facts, **{k: tuple(v) for k, v in keys.items()})

    return wrap if call is None else wrap(call)


@overload
def view(call: F) -> F: ...
@overload
def view(
    *,
    name: str | Sequence[str] | None = None,
    title: str = "",
    description: str | None = None,
    category: str | None = None,
    names_people: bool | None = None,
) -> Callable[[F], F]: ...
def view(
    call: F | None = None,
    *,
    name: str | Sequence[str] | None = None,
    title: str = "",
    description: str | None = None,
    category: str | None = None,
    names_people: bool | None = None,
) -> F | Callable[[F], F]:
    """Register a view: a function that returns a drawing (SVG, PNG) or a page (HTML).

    Args:
        call: the function, if the decorator is used without arguments.
        name: its name, or several; by default the function's.
        title: of the `chart` that is injected.
        description: the help text; by default the function's docstring.
        category: free to use by the plugin; hubbub ignores it.
        names_people: whether it names people otherwise than by the queries that it calls, whose
            results are without names for those who may not see them. None: as for a query.

    Raises:
        ValueError: not a valid name.
    """
    facts = {"title": title, "description": description, "category": category}

    def wrap(fn: F) -> F:
        return register("view", fn, name, names_people=names_people, **facts)

    return wrap if call is None else wrap(call)


def cron(run_every: str | float | timedelta, *, force_memoize: bool = False) -> Callable[[F], F]:
    """Register a scheduled job.

    Args:
        run_every: a duration (`1d`), seconds, or five crontab fields (`0 3 * * *`), in UTC.
        force_memoize: recompute memoized results.

    Raises:
        ValueError: not a schedule.
    """
    from hubbub.schedule import parse

    extra = {"schedule": parse(run_every), "force_memoize": force_memoize}

    def wrap(fn: F) -> F:
        return register("cron", fn, None, extra=extra)

    return wrap
