"""What a running function has around it: the plugins' cache, and a way to the injected objects.

`Runner` sets it for the time of a call. A function that a plugin calls by itself finds it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hubbub.registry import Function
from hubbub.store.plugin_data.cache import CacheFile

__all__ = ["Environment", "current", "running"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The surroundings of a call.

    Attributes:
        cache: returns the plugins' cache.
        inject: returns the object for a parameter, given its name and the function that has it.
        scope: the request's range and filters as they were stated; equal ones mean the same.
        range: the values that `Runner` passes for `since`, `until`, `by` and `bots`.
        names: whether results of `query` and `view` name people.
        anonymous: whether functions in whose objects there are names may not be called directly:
            the request may not see names, and only `query` and `view` hide them.
    """

    cache: Callable[[], CacheFile]
    inject: Callable[[str, Function], Any]
    scope: str = ""
    range: Mapping[str, Any] = field(default_factory=dict)
    names: bool = True
    anonymous: bool = False


_current: ContextVar[Environment | None] = ContextVar("environment", default=None)


@cache
def _without_store() -> CacheFile:
    return CacheFile(None)


def _nothing(name: str, function: Function) -> Any:
    raise TypeError(
        f"{function.name}() needs {name!r}, which only hubbub can pass: call it from a query, view,"
        " job or event handler"
    )


_OUTSIDE = Environment(_without_store, _nothing)


def current() -> Environment:
    """Return the surroundings; outside any call a cache in memory, and nothing to inject."""
    return _current.get() or _OUTSIDE


@contextmanager
def running(environment: Environment) -> Iterator[None]:
    """Set the surroundings."""
    token = _current.set(environment)
    try:
        yield
    finally:
        _current.reset(token)
