"""Objects that are injected into a query, view or job by the name of its parameter.

`query` and `view` are `Callables` (hubbub.calls), `State` is `state`; `Injector` creates those that
need no running request: `chart`, `log`, `state`, `progress`, `source`, `db`, `cache` and `fs`.
docs/plugins.md lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.collector.event import Ledger
from hubbub.errors import HubbubError
from hubbub.logger import get_logger
from hubbub.registry import REGISTRY, Function, Registry
from hubbub.store.plugin_data.cache import Cache, cache_of
from hubbub.store.plugin_data.files import Files
from hubbub.store.state.database import State as StoreState
from hubbub.store.state.documents import Documents

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart

__all__ = ["Injector", "State", "no_progress"]

Progress = Callable[[float, float], None]


def no_progress(done: float, total: float) -> None:
    """Ignore progress."""


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
        url: the address of the server that serves the plugins' files; empty: theirs are relative.
        registry: knows the plugins' files by their modules.
        texts: title and subtitle that replace those of a chart.

    Attributes:
        project: name and address of the project, for charts.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        theme: str = "auto",
        style: Path | None = None,
        progress: Progress = no_progress,
        source: Callable[[str], None] = lambda _name: None,
        url: str = "",
        registry: Registry = REGISTRY,
        texts: tuple[str, str] = ("", ""),
    ) -> None:
        self._ledger, self._theme, self._style = ledger, theme, style
        self._progress, self._source = progress, source
        self._url, self._registry, self._texts = url, registry, texts
        self.project = ("", "")

    def make(  # noqa: PLR0911 - one line per kind
        self, name: str, function: Function, *, with_bots: Any = None, to_newest: bool = False
    ) -> Any:
        """Return the object for the parameter `name` of `function`.

        Args:
            name: of the parameter.
            function: the function to be called.
            with_bots: draws the same view with bots, for a `chart` that leaves them out.
            to_newest: whether the range of a `chart` ends with the newest stored event.

        Raises:
            HubbubError: this version has no such object.
        """
        if name == "chart":
            return self._chart(function.title, with_bots, to_newest)
        if name == "log":
            return get_logger(plugin=function.module, function=function.name)
        if name == "state":
            return State(self._ledger, function.module)
        if name == "progress":
            return self._progress
        if name == "source":
            return self._source
        if isinstance(self._ledger, StoreState):
            if name in {"db", "mongodb"}:
                return Documents(self._ledger, function.module)
            if name == "cache":
                return Cache(cache_of(self._ledger), function.module)
            if name == "fs":
                path = self._registry.module_path(function.module)
                return Files(self._ledger, function.module, path, self._url)
        raise HubbubError(
            f"{function.noun} {function.name!r} of {function.module} has a parameter {name!r}, "
            "which hubbub cannot inject here",
            hint="there are: cache chart clock db events fs log params progress query source state "
            "view zone",
        )

    def _chart(self, title: str, with_bots: Any, to_newest: bool) -> Chart:  # noqa: FBT001
        from hubbub.charts.chart import Chart
        from hubbub.charts.picture.style import load

        options: dict[str, Any] = {"to_newest": to_newest, "texts": self._texts}
        options["project"], options["url"] = self.project
        if self._style is not None:
            options["style"] = load(self._style)
        return Chart(title, self._theme, with_bots, **options)
