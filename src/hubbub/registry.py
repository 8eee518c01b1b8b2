"""The registry: what `@query`, `@view`, `@event_handler` and `@cron` write down.

Comes in: functions. Goes out: `Function` entries whose signature is the interface of a command,
a URL and a schema entry. It never runs a function; `hubbub.plugins` does.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, TypeVar, overload

__all__ = [
    "FILTERS",
    "INJECTED",
    "RANGE",
    "REGISTRY",
    "Function",
    "Names",
    "Parameter",
    "Registry",
    "cron",
    "event_handler",
    "query",
    "view",
]

Kind = Literal["query", "view", "event_handler", "cron"]
F = TypeVar("F", bound=Callable[..., Any])

#: Parameters that hubbub fills in, whatever a request says.
INJECTED = frozenset(
    {
        *("events", "query", "view", "chart"),
        *("db", "mongodb", "fs", "cache", "state"),
        *("progress", "source", "clock", "log", "params", "affiliations", "ledger"),
        *("malformed", "samples"),
    }
)
#: Common options that a function may ask to see; `events` stays filtered by them.
RANGE = ("since", "until", "by", "bots")
#: Common options that filter `events`, unless the function has a parameter of that name.
FILTERS = ("topic", "category", "user", "not_user", "object", "action")


class Names(frozenset[str]):
    """A parameter that is a set of names: on a command line a file with a name a line."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function that a request may set."""

    name: str
    annotation: (
        Any  # int, float, str, bool, timedelta, datetime, Path, Literal[…], list[str], X | None
    )
    default: Any
    required: bool


def _annotation(call: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """The parameter's type; without an annotation that of a numeric default, else text.

    Resolved one by one, so that names imported for type checkers only (`events: Events`) do no
    harm to the parameters that hubbub converts.
    """
    stated = parameter.annotation
    if stated is parameter.empty:
        return type(parameter.default) if isinstance(parameter.default, (int, float)) else str
    if not isinstance(stated, str):
        return stated
    inner = inspect.unwrap(call)
    try:
        # The text stands in the source of a module that is imported already: nothing foreign.
        return eval(stated, getattr(inner, "__globals__", {}))  # noqa: S307
    except Exception as error:
        raise TypeError(
            f"the annotation {stated!r} of parameter {parameter.name!r} of {call.__module__}."
            f"{call.__qualname__} cannot be resolved: {error}; import it outside TYPE_CHECKING"
        ) from error


@dataclass(frozen=True)
class Function:
    """One registered function."""

    kind: Kind
    name: str
    call: Callable[..., Any]
    module: str
    title: str = ""
    description: str | None = None
    category: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        """What it is called when a person is spoken to."""
        return "job" if self.kind == "cron" else self.kind.replace("_", " ")

    @cached_property
    def doc(self) -> str:
        """The help text: the given description, else the docstring, else empty."""
        return self.description if self.description is not None else inspect.getdoc(self.call) or ""

    @cached_property
    def signature(self) -> Mapping[str, inspect.Parameter]:
        """All parameters by name, injected ones included."""
        return inspect.signature(self.call).parameters

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a request may set: neither injected nor one of the common range options.

        A name that Python reserves is written with an underscore behind it: `from_` is `--from`.

        Raises:
            TypeError: an annotation that cannot be resolved at run time.
        """
        return tuple(
            Parameter(
                name=name.removesuffix("_"),
                annotation=_annotation(self.call, p),
                default=None if p.default is p.empty else p.default,
                required=p.default is p.empty,
            )
            for name, p in self.signature.items()
            if name not in INJECTED
            and name not in RANGE
            and p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
        )

    def argument(self, parameter: str) -> str:
        """The argument of the Python function for a parameter's name: `from_` for `from`."""
        return parameter if parameter in self.signature else f"{parameter}_"

    def parameter(self, argument: str) -> str:
        """A parameter's name for what a caller wrote: `from` for `from_` too."""
        return argument.removesuffix("_") if argument in self.signature else argument

    @property
    def public(self) -> bool:
        """A name that starts with an underscore is never served."""
        return not self.name.startswith("_")


class Registry:
    """Functions by kind and name; queries and views have separate names."""

    def __init__(self) -> None:
        self.queries: dict[str, Function] = {}
        self.views: dict[str, Function] = {}
        self.event_handlers: list[Function] = []
        self.jobs: dict[str, Function] = {}

    def of(self, kind: str) -> dict[str, Function]:
        """The functions of a kind that has names, by name."""
        return {"query": self.queries, "view": self.views, "cron": self.jobs}[kind]

    def add(self, function: Function) -> None:
        """Write a function down; the same name again replaces it, with a warning."""
        if function.kind == "event_handler":
            self.event_handlers.append(function)
            return
        names = self.of(function.kind)
        if function.name in names and names[function.name].call is not function.call:
            warnings.warn(
                f"{function.noun} {function.name!r} of {names[function.name].module} is replaced "
                f"by the one of {function.module}",
                stacklevel=4,
            )
        names[function.name] = function


REGISTRY = Registry()


def _register(kind: Kind, call: F, name: str | Sequence[str] | None, **more: Any) -> F:
    names = [call.__name__] if name is None else [name] if isinstance(name, str) else list(name)
    for one in names:
        if not one or not all(c.isalnum() or c in "_." for c in one):
            raise ValueError(f"{one!r} is no name for a {kind}: letters, digits, _ and . only")
        REGISTRY.add(Function(kind=kind, name=one, call=call, module=call.__module__, **more))
    return call


@overload
def query(call: F) -> F: ...
@overload
def query(
    *,
    name: str | Sequence[str] | None = None,
    description: str | None = None,
    category: str | None = None,
) -> Callable[[F], F]: ...
def query(
    call: F | None = None,
    *,
    name: str | Sequence[str] | None = None,
    description: str | None = None,
    category: str | None = None,
) -> F | Callable[[F], F]:
    """An analyzer: a table, a value or a text out."""

    def wrap(fn: F) -> F:
        return _register("query", fn, name, description=description, category=category)

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
) -> Callable[[F], F]: ...
def view(
    call: F | None = None,
    *,
    name: str | Sequence[str] | None = None,
    title: str = "",
    description: str | None = None,
    category: str | None = None,
) -> F | Callable[[F], F]:
    """A chart or page: SVG or HTML out."""

    def wrap(fn: F) -> F:
        return _register("view", fn, name, title=title, description=description, category=category)

    return wrap if call is None else wrap(call)


def event_handler(call: F) -> F:
    """Called with every batch of events, in the order in which they came."""
    return _register("event_handler", call, None)


def cron(run_every: str | timedelta, *, force_memoize: bool = False) -> Callable[[F], F]:
    """A scheduled job.

    Args:
        run_every: a duration (`1d`), or five fields as in a crontab (`0 3 * * *`), in UTC.
        force_memoize: compute anew what is memoized.

    Raises:
        ValueError: no such schedule.
    """
    from hubbub.schedule import parse

    extra = {"schedule": parse(run_every), "force_memoize": force_memoize}

    def wrap(fn: F) -> F:
        return _register("cron", fn, None, extra=extra)

    return wrap
