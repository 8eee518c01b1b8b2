"""Errors of requests: exceptions of a query, view or job, and names that do not exist."""

from __future__ import annotations

import difflib
import inspect
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hubbub.calls.callables import UnknownNameError
from hubbub.errors import HubbubError, NoMemoryError, StoreError
from hubbub.registry import REGISTRY, Function, Registry, builtins

__all__ = ["attribute_errors", "close_matches", "find"]

_MAX_DEPTH = 20  # of nested queries; recursion is detected before Python's own limit
_DAMAGE = frozenset({"IOException", "SerializationException"})
_SPILL = "max_temp_directory_size"  # in the engine's message: the disk that it may use is full


def _of_engine(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in {"duckdb", "_duckdb"}


def _is_damage(error: Exception) -> bool:
    """Whether the query engine found a damaged or missing file of a table."""
    kind = type(error)
    return _of_engine(error) and (kind.__name__ in _DAMAGE or ".parquet" in str(error))


def _no_memory(function: Function, error: Exception) -> NoMemoryError:
    what = f"{function.noun} {function.name!r} needs more memory than it may use"
    hint = "raise `memory` in [engine], or ask for a shorter range"
    if _SPILL in str(error):
        what = f"{function.noun} {function.name!r} needs more disk space than it may use"
        hint = (
            "raise `spill` in [engine], make room on the store's disk, or ask for a shorter range"
        )
    return NoMemoryError(what, hint=hint)


@contextmanager
def attribute_errors(function: Function) -> Iterator[None]:
    """Turn an exception of the function into an error that names function, file and line.

    Raises:
        StoreError: a table is damaged.
        NoMemoryError: the engine needs more than its limits.
        HubbubError: any other exception of the function.
    """
    try:
        yield
    except (HubbubError, AssertionError):
        raise
    except Exception as error:
        kind = type(error)
        if _of_engine(error) and kind.__name__ == "OutOfMemoryException":
            raise _no_memory(function, error) from error
        if _is_damage(error):
            raise StoreError(
                f"the store's tables cannot be read: {str(error).splitlines()[0]}",
                hint="a file of the store is damaged or missing; run `hubbub verify`",
            ) from error
        frames = traceback.extract_tb(error.__traceback__)
        source = getattr(inspect.unwrap(function.call), "__code__", None)
        own = [f for f in frames if source is not None and f.filename == source.co_filename]
        raise HubbubError(
            f"{function.noun} {function.name!r} failed: {kind.__name__}: {error}",
            where=f"{own[-1].filename}:{own[-1].lineno}" if own else function.module,
            hint="use -vv to see the traceback",
        ) from error


def close_matches(name: str, choices: Iterable[str]) -> str:
    """Return the hint `did you mean …?`, or all choices if none is similar."""
    names = sorted(choices)
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if matches:
        return f"did you mean {' or '.join(matches)}?"
    return f"there are: {', '.join(names)}" if names else "there are none"


def find(registry: Registry, kind: str, name: str, depth: int) -> Function:
    """Return the public function of that kind (query, view or cron) and name.

    Args:
        registry: the registered functions.
        kind: query, view or cron.
        name: of the function.
        depth: how many functions called each other before this one.

    Raises:
        UnknownNameError: there is none.
        HubbubError: the functions call each other without end.
    """
    functions = registry.of(kind)
    if name not in functions and registry is REGISTRY:
        builtins.import_for(kind, name)
    function = functions.get(name)
    if function is None or not function.public:
        public = [n for n, f in functions.items() if f.public]
        noun = "job" if kind == "cron" else kind
        raise UnknownNameError(f"there is no {noun} {name!r}", hint=close_matches(name, public))
    if depth > _MAX_DEPTH:
        raise HubbubError(f"{kind} {name!r} calls itself, directly or through others")
    if registry is REGISTRY:
        for called in ("query", "view"):
            if called in function.signature:  # it is injected, with all functions of its kind
                builtins.import_all(called)
    return function
