"""What this installation of hubbub brings: everything, or only what a listener needs.

The distribution `hubbub-listen` has the same modules as `hubbub`, but none of the libraries for
tables, queries, charts and the server.
"""

from __future__ import annotations

from hubbub.errors import UsageError

__all__ = ["LEFT_OUT", "missing_package", "require_tables"]

#: Modules of the dependencies that `[tool.hubbub-listen]` in pyproject.toml leaves out.
LEFT_OUT = frozenset((
    "anyio", "cronsim", "deltalake", "duckdb", "httptools", "ibis", "msgpack", "numpy", "packaging",
    "pyarrow", "pyarrow_hotfix", "pygal", "starlette", "uvicorn",
))  # fmt: skip
_TABLES = ("deltalake", "numpy", "pyarrow")


def _only_listens() -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version("hubbub-listen")
    except PackageNotFoundError:
        return False
    return True


def _missing(name: str, instead: str) -> UsageError:
    if _only_listens():
        return UsageError(
            f"this is hubbub-listen, which only receives messages: {name} is not installed",
            hint=f"{instead}pip uninstall hubbub-listen && pip install hubbub",
        )
    return UsageError(
        f"the Python package {name}, which hubbub needs, is not installed",
        hint="install hubbub with its dependencies: pip install --force-reinstall hubbub",
    )


def missing_package(error: BaseException) -> UsageError | None:
    """Return what to say if an error was caused by a library that hubbub-listen leaves out."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError):
            name = (cause.name or "").partition(".")[0]
            if name in LEFT_OUT:
                return _missing(name, "")
        cause = cause.__cause__ or cause.__context__
    return None


def require_tables(instead: str) -> None:
    """Refuse to go on where messages cannot be loaded into tables.

    Args:
        instead: a command that does without.

    Raises:
        UsageError: a library for tables is not installed.
    """
    from importlib.util import find_spec

    for name in _TABLES:
        if find_spec(name) is None:
            raise _missing(name, f"use `{instead}`, or: ")
