"""Blame: an exception of a query or view becomes an error that says whose it is, and where.

Comes in: a function, and what it raises. Goes out: a `HubbubError` with function, file and line, or
a `StoreError` where the tables are damaged.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from hubbub.errors import HubbubError, StoreError
from hubbub.registry import Function

__all__ = ["blaming"]

_DAMAGE = frozenset({"IOException", "SerializationException"})


def _damage(error: Exception) -> bool:
    """Whether the engine found a file of the tables damaged or gone."""
    kind = type(error)
    engine = kind.__module__.partition(".")[0] in {"duckdb", "_duckdb"}
    return engine and (kind.__name__ in _DAMAGE or ".parquet" in str(error))


@contextmanager
def blaming(function: Function) -> Iterator[None]:
    """An exception of the function becomes an error that names function, file and line."""
    try:
        yield
    except (HubbubError, AssertionError):
        raise
    except Exception as error:
        kind = type(error)
        if _damage(error):
            raise StoreError(
                f"the store's tables cannot be read: {str(error).splitlines()[0]}",
                hint="a file of the store is damaged or gone",
            ) from error
        frames = traceback.extract_tb(error.__traceback__)
        source = getattr(inspect.unwrap(function.call), "__code__", None)
        own = [f for f in frames if source is not None and f.filename == source.co_filename]
        raise HubbubError(
            f"{function.noun} {function.name!r} failed: {kind.__name__}: {error}",
            where=f"{own[-1].filename}:{own[-1].lineno}" if own else function.module,
            hint="-vv shows the whole traceback",
        ) from error
