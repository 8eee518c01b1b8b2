"""Objects that are injected into a query, view or job by the name of its parameter.

`Callables` is `query` and `view`, `State` is `state`; `Injector` creates those that need no running
request: `chart`, `log`, `state`, `progress`, `source` and `db`. docs/plugins.md lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hubbub.collector.event import Ledger
from hubbub.errors import HubbubError
from hubbub.registry import Function
from hubbub.store.state.database import State as StoreState
from hubbub.store.state.documents import Documents

__all__ = ["Callables", "Injector", "State", "no_progress"]

Progress = Callable[[float, float], None]


def no_progress(done: float, total: float) -> None:
    """Ignore progress."""


class Callables:
    """The injected `query` and `view`: `query.NAME(parameter=value)` or `query("NAME", …)`."""

    def __init__(
        self,
        kind: str,
        functions: Mapping[str, Function],
        call: Callable[[str, Mapping[str, Any]], Any],
    ) -> None:
        self._kind, self._functions, self._call = kind, functions, call

    def __call__(self, name: str, /, **parameters: Any) -> Any:
        """Run the function of that name; the only way for a name with a dot."""
        return self._call(name, parameters)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self._functions:
            raise AttributeError(
                f"there is no {self._kind} {name!r}; there are: {', '.join(dir(self))}"
            )

        def run(**parameters: Any) -> Any:
            return self._call(name, parameters)

        run.__doc__ = self._functions[name].doc
        return run

    def __dir__(self) -> list[str]:
        return sorted(name for name, function in self._functions.items() if function.public)


class State:
    """The injected `state`: durable JSON values by key, separate for each plugin's module."""

    def __init__(self, ledger: Ledger, module: str) -> None:
        self._ledger, self._module = ledger, module

    def _key(self, key: str) -> str:
        return f"plugin:{self._module}:{key}"

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value, or the default if there is none."""
        value = self._ledger.get(self._key(key))
        return default if value is None else value

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value durably."""
        self._ledger.set(self._key(key), value)

    def inc(self, key: str, by: float = 1) -> Any:
        """Add to a number that starts at 0; return the sum."""
        return self._put(key, self.get(key, 0) + by)

    def dec(self, key: str, by: float = 1) -> Any:
        """Subtract from a number that starts at 0; return the difference."""
        return self._put(key, self.get(key, 0) - by)

    def max(self, key: str, value: Any) -> Any:
        """Store the larger of the stored and the given value; return it."""
        return self._put(key, max(self.get(key, value), value))

    def min(self, key: str, value: Any) -> Any:
        """Store the smaller of the stored and the given value; return it."""
        return self._put(key, min(self.get(key, value), value))

    def delete(self, key: str) -> None:
        """Delete the value."""
        self._ledger.set(self._key(key), None)

    def _put(self, key: str, value: Any) -> Any:
        self.set(key, value)
        return value


class Injector:
    """Creates the injected objects that need no running request.

    Args:
        ledger: stores what `state` and `db` hold.
        theme: the theme of charts: light, dark or auto.
        style: a TOML file with colours and a font (hubbub.charts.picture.style).
        progress: called with the amount done and the total, in any unit.
        source: called with the name of each source that a job reports as read.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        theme: str = "auto",
        style: Path | None = None,
        progress: Progress = no_progress,
        source: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._ledger, self._theme, self._style = ledger, theme, style
        self._progress, self._source = progress, source

    def make(self, name: str, function: Function, *, with_bots: Any = None) -> Any:
        """Return the object for the parameter `name` of `function`.

        Args:
            name: of the parameter.
            function: the function to be called.
            with_bots: draws the same view with bots, for a `chart` that leaves them out.

        Raises:
            HubbubError: this version has no such object.
        """
        if name == "chart":
            from hubbub.charts.chart import Chart
            from hubbub.charts.picture.style import load

            style = {} if self._style is None else {"style": load(self._style)}
            return Chart(title=function.title, theme=self._theme, with_bots=with_bots, **style)
        if name == "log":
            import structlog

            return structlog.get_logger(plugin=function.module, function=function.name)
        if name == "state":
            return State(self._ledger, function.module)
        if name == "progress":
            return self._progress
        if name == "source":
            return self._source
        if name in {"db", "mongodb"} and isinstance(self._ledger, StoreState):
            return Documents(self._ledger, function.module)
        raise HubbubError(
            f"{function.noun} {function.name!r} of {function.module} has a parameter {name!r}, "
            "which this version of hubbub cannot inject yet",
            hint="there are: chart clock db events log params progress query source state view",
        )
