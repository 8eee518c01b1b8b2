"""The registry of functions that are decorated with `@query`, `@view`, `@event_handler` or `@cron`.

A function's signature defines its command line: parameters become options, except those that hubbub
injects. The registry never calls a function; `hubbub.run` does.
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

#: Parameters that hubbub fills in; a request cannot set them.
INJECTED = frozenset(
    {
        *("events", "query", "view", "chart"),
        *("db", "mongodb", "fs", "cache", "state"),
        *("progress", "source", "clock", "log", "params", "affiliations", "ledger"),
        *("malformed", "past", "samples"),
    }
)
#: Common options that a function may receive as parameters; they apply to `events` in any case.
RANGE = ("since", "until", "by", "bots")


class Names(frozenset[str]):
    """A set of names as a parameter: on the command line a file with one name per line."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function that a request may set."""

    name: str
    annotation: (
        Any  # int, float, str, bool, timedelta, datetime, Path, Literal[…], list[str], X | None
    )
    default: Any
    required: bool


def _annotation(call: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return the parameter's type; without an annotation that of a numeric default, else `str`.

    Annotations are resolved one by one, so that names imported for type checkers only
    (`events: Events`) do not affect the parameters that hubbub converts.
    """
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return type(parameter.default) if isinstance(parameter.default, (int, float)) else str
    if not isinstance(annotation, str):
        return annotation
    inner = inspect.unwrap(call)
    try:
        # The text comes from the source of a module that is already imported, never from input.
        return eval(annotation, getattr(inner, "__globals__", {}))  # noqa: S307
    except Exception as error:
        raise TypeError(
            f"the annotation {annotation!r} of parameter {parameter.name!r} of {call.__module__}."
            f"{call.__qualname__} cannot be resolved: {error}; import it outside TYPE_CHECKING"
        ) from error


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
        """Return the name of a parameter in the Python signature: `from_` for `from`."""
        return parameter if parameter in self.signature else f"{parameter}_"

    def parameter(self, argument: str) -> str:
        """Return the parameter's name for a name that a caller used: `from` also for `from_`."""
        return argument.removesuffix("_") if argument in self.signature else argument

    @property
    def public(self) -> bool:
        """Whether users may call it: names with a leading underscore are private."""
        return not self.name.startswith("_")


class Registry:
    """Functions by kind and name; queries and views have separate names."""

    def __init__(self) -> None:
        self.queries: dict[str, Function] = {}
        self.views: dict[str, Function] = {}
        self.event_handlers: list[Function] = []
        self.jobs: dict[str, Function] = {}

    def of(self, kind: str) -> dict[str, Function]:
        """Return the functions of a kind (query, view or cron) by name."""
        return {"query": self.queries, "view": self.views, "cron": self.jobs}[kind]

    def add(self, function: Function) -> None:
        """Register a function; it replaces one of the same name, with a warning."""
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


def _register(kind: Kind, call: F, names: str | Sequence[str] | None, **attributes: Any) -> F:
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
) -> Callable[[F], F]: ...
def query(
    call: F | None = None,
    *,
    name: str | Sequence[str] | None = None,
    description: str | None = None,
    category: str | None = None,
) -> F | Callable[[F], F]:
    """Register a query: a function that returns a table, a value or a text.

    Args:
        call: the function, if the decorator is used without arguments.
        name: its name, or several; by default the function's.
        description: the help text; by default the function's docstring.
        category: free to use by the plugin; hubbub ignores it.

    Raises:
        ValueError: not a valid name.
    """

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
    """Register a view: a function that returns a drawing (SVG, PNG) or a page (HTML).

    Args:
        call: the function, if the decorator is used without arguments.
        name: its name, or several; by default the function's.
        title: of the `chart` that is injected.
        description: the help text; by default the function's docstring.
        category: free to use by the plugin; hubbub ignores it.

    Raises:
        ValueError: not a valid name.
    """

    def wrap(fn: F) -> F:
        return _register("view", fn, name, title=title, description=description, category=category)

    return wrap if call is None else wrap(call)


def event_handler(call: F) -> F:
    """Register a function to be called with every batch of events, in the order of arrival."""
    return _register("event_handler", call, None)


def cron(run_every: str | timedelta, *, force_memoize: bool = False) -> Callable[[F], F]:
    """Register a scheduled job.

    Args:
        run_every: a duration (`1d`) or five crontab fields (`0 3 * * *`), in UTC.
        force_memoize: recompute memoized results.

    Raises:
        ValueError: not a schedule.
    """
    from hubbub.schedule import parse

    extra = {"schedule": parse(run_every), "force_memoize": force_memoize}

    def wrap(fn: F) -> F:
        return _register("cron", fn, None, extra=extra)

    return wrap
