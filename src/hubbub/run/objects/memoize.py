"""`@memoize_query`: results that are kept for a time, and the `use_…` functions around it.

A result is kept under the function and its arguments. Injected objects are no arguments, except
that a function of events is kept by range and filters, as the request states them (`30d`). One
process at a time computes a result, while the others wait for it. A failing function leaves
nothing.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import update_wrapper
from hashlib import blake2s
from typing import Any, TypeVar, cast

from hubbub.registry import INJECTED, RANGE, REGISTRY, SCOPED, Function, Registry
from hubbub.run.names import NAMING, refuse
from hubbub.run.objects.environment import Environment, current
from hubbub.run.serialise import execute

__all__ = [
    "Memoized",
    "as_scheduled",
    "memoize_query",
    "use_clearcache",
    "use_forcememoize",
    "use_fromcache",
]

F = TypeVar("F", bound=Callable[..., Any])

_made: Counter[str] = Counter()
_computing: ContextVar[frozenset[str]] = ContextVar("computing", default=frozenset())


class Memoized:
    """A function whose results are kept for `seconds`.

    Args:
        call: the function.
        seconds: how long a result is kept.
    """

    def __init__(self, call: Callable[..., Any], seconds: float) -> None:
        self._call, self.seconds = call, seconds
        self._signature = inspect.signature(call)
        update_wrapper(self, call)
        name = f"{call.__module__}.{call.__qualname__}"
        _made[name] += 1  # functions that one function makes have one name
        #: The entries' module in the cache: apart from those of the injected `cache`.
        self._owner = f"memoized:{name}#{_made[name]}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the kept result, or compute and keep it."""
        key, arguments = self._arguments(args, kwargs)
        file = current().cache()
        kept = file.get(self._owner, key)
        if kept is not None:
            return json.loads(kept)
        with self._locked(key):
            kept = file.get(self._owner, key)  # computed while this call waited
            return json.loads(kept) if kept is not None else self._compute(key, arguments)

    def forced(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result again and keep it."""
        key, arguments = self._arguments(args, kwargs)
        with self._locked(key):
            return self._compute(key, arguments)

    def kept(self, *args: Any, **kwargs: Any) -> Any:
        """Return the kept result.

        Raises:
            KeyError: there is none.
        """
        key, _ = self._arguments(args, kwargs)
        text = current().cache().get(self._owner, key)
        if text is None:
            raise KeyError(f"no result of {self._call.__qualname__} is kept for these arguments")
        return json.loads(text)

    def forget(self, *args: Any, **kwargs: Any) -> None:
        """Delete the kept result."""
        key, _ = self._arguments(args, kwargs)
        current().cache().delete(self._owner, key)

    def _arguments(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[str, inspect.BoundArguments]:
        """Return the key of a call, and its arguments.

        Raises:
            TypeError: the function has no such parameters.
            NotAllowedError: the request may not see names.
        """
        bound = self._bound(args, kwargs)
        bound.apply_defaults()
        environment = current()
        if (
            environment.anonymous
            and not (NAMING & self._signature.parameters.keys()) <= kwargs.keys()
        ):
            refuse(f"{self._call.__name__}() names people, and is called directly")
        parts = {
            name: [type(value).__name__, repr(value)]
            for name, value in bound.arguments.items()
            if (name not in INJECTED or name == "params")
            and not (name in environment.range and environment.range[name] == value)
        }
        if not SCOPED.isdisjoint(self._signature.parameters):
            parts[""] = [environment.scope]
        if not {"query", "view"}.isdisjoint(self._signature.parameters):
            parts[" names"] = [str(environment.names)]
        return blake2s(json.dumps(parts, sort_keys=True).encode()).hexdigest(), bound

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        """Bind the arguments of a call, which may leave out what hubbub passes.

        Raises:
            TypeError: the function has no such parameters.
        """
        signature, error = self._signature, TypeError()
        for passed in (frozenset[str](), INJECTED, INJECTED.union(RANGE)):
            own = [p for p in signature.parameters.values() if p.name not in passed]
            named = {n: v for n, v in kwargs.items() if n in passed and n in signature.parameters}
            rest = {name: value for name, value in kwargs.items() if name not in named}
            try:
                bound = signature.replace(parameters=own).bind(*args, **rest)
            except TypeError as mismatch:
                error = mismatch
            else:
                return inspect.BoundArguments(signature, cast("Any", {**bound.arguments, **named}))
        raise error

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Hold the lock of an entry, unless this very call is within its computation."""
        name, held = f"{self._owner}:{key}", _computing.get()
        if name in held:
            yield
            return
        token = _computing.set(held | {name})
        try:
            with current().cache().computing(self._owner, key):
                yield
        finally:
            _computing.reset(token)

    def _compute(self, key: str, bound: inspect.BoundArguments) -> Any:
        self._fill_in(bound, current())
        value, _ = execute(self._call(*bound.args, **bound.kwargs))
        current().cache().set(self._owner, key, json.dumps(value), self.seconds)
        return value

    def _fill_in(self, bound: inspect.BoundArguments, environment: Environment) -> None:
        """Pass the injected objects that a call from code leaves out."""
        missing = [
            name
            for name, parameter in self._signature.parameters.items()
            if name not in bound.arguments
            and parameter.default is parameter.empty
            and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
        ]
        if not missing:
            return
        function = Function("query", self._call.__name__, self._call, self._call.__module__)
        found = {name: environment.inject(name, function) for name in missing}
        every = {**bound.arguments, **found}
        ordered = {name: every[name] for name in self._signature.parameters if name in every}
        bound.arguments = cast("Any", ordered)


def memoize_query(seconds: float, registry: Registry = REGISTRY) -> Callable[[F], F]:
    """Keep the results of a function for a time; below or above `@query` or `@cron`.

    A result is what JSON can hold: tables become lists of records, tuples lists, sets sorted lists.

    Args:
        seconds: how long a result is kept.
        registry: where the function may be registered already.

    Raises:
        ValueError: not a positive number of seconds.
    """
    if not seconds > 0:
        raise ValueError(f"memoize_query({seconds!r}): how many seconds, more than 0?")

    def wrap(call: F) -> F:
        memoized = Memoized(call, seconds)
        registry.wrap(call, memoized)
        return cast("F", memoized)

    return wrap


def use_fromcache(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that returns the kept result and never computes one.

    Raises:
        TypeError: results of this function are not kept.
        KeyError: (from the returned function) nothing is kept for these arguments.
    """
    return _memoized(function).kept


def use_forcememoize(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that computes the result again and keeps it.

    Raises:
        TypeError: results of this function are not kept.
    """
    return _memoized(function).forced


def use_clearcache(function: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that deletes what is kept for its arguments.

    Raises:
        TypeError: results of this function are not kept.
    """
    return _memoized(function).forget


def _memoized(function: Callable[..., Any]) -> Memoized:
    if not isinstance(function, Memoized):
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} keeps no results: decorate it with memoize_query")
    return function


def as_scheduled(job: Function) -> Function:
    """Return a job as the scheduler runs it: computed again if it says so and results are kept."""
    if job.extra.get("force_memoize") and isinstance(job.call, Memoized):
        return replace(job, call=job.call.forced)
    return job
