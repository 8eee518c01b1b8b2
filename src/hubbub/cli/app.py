"""What every command shares: the common options, the configuration, the store, the plugins.

The common options are accepted before and after a command's name, and after a query's or view's
name; each place writes into one `App`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hubbub.collector.people.reader import Reader, ReaderConfig
    from hubbub.config import Config
    from hubbub.store import Store
    from hubbub.store.loader.loader import Loaded

__all__ = ["App", "common_options", "common_parameters", "pass_app"]

C = TypeVar("C", bound=Callable[..., Any])


class App:
    """One run of the command line."""

    def __init__(self) -> None:
        self.store_path: Path | None = None
        self.config_path: Path | None = None
        self.directory_path: Path | None = None
        self.rules_path: Path | None = None
        self.log_format: str | None = None
        self.speaks = ""  # how the log looks, once it is set up
        self.verbose = 0
        self.bodies_stated: bool | None = None
        self.plugin_files: list[Path] = []
        self._loaded: set[Path] = set()
        self._plugins = False

    @cached_property
    def config(self) -> Config:
        """The configuration, read when it is first asked for.

        Raises:
            UsageError: the file cannot be read or holds something unknown.
        """
        from hubbub.config import load

        return load(self.config_path)

    def logs(self, *, level: int = logging.WARNING) -> Callable[[], None]:
        """Set the log up; `-v` shows what the command does, `-vv` everything.

        A configured level takes the place of `level`, which is what the command shows by itself.
        Gives what sets it up in the same way in another process.
        """
        from hubbub.cli.output.logs import configure

        named = self.config.log_level
        usual = level if named is None else logging.getLevelNamesMapping()[named.upper()]
        asked = logging.WARNING - 10 * self.verbose if self.verbose else usual
        lowest = max(logging.DEBUG, min(usual, asked))
        self.speaks = self.log_format or self.config.log_format or "text"
        again = partial(configure, self.speaks, lowest)
        again()
        return again

    @property
    def understanding(self) -> ReaderConfig:
        """`--rules` and `--directory`, else the configuration's."""
        from hubbub.collector.people.reader import ReaderConfig

        def chosen(option: Path | None, configured: str | None) -> Path | None:
            return option or (None if configured is None else Path(configured))

        people = self.config.people
        return ReaderConfig(
            directory=chosen(self.directory_path, people.directory),
            rules=chosen(self.rules_path, people.rules),
        )

    @cached_property
    def reader(self) -> Reader:
        """From a frame to an event, by the files of `understanding`, read once.

        Raises:
            UsageError: one of them cannot be read.
        """
        return self.understanding.reader()

    def anew(self) -> App:
        """The same options over the configuration as it is now on the disk.

        Raises:
            UsageError: it cannot be read, or one of the files that it names cannot.
        """
        fresh = copy(self)
        for name in ("config", "reader"):
            fresh.__dict__.pop(name, None)
        fresh.read_rules()
        return fresh

    def read_rules(self) -> None:
        """Read the files of `understanding` now: what is wrong with them is said before all else.

        Raises:
            UsageError: one of them cannot be read.
        """
        _ = self.reader

    @property
    def store_folder(self) -> Path:
        """`--store`, else the configuration's, else the platform's data directory."""
        if self.store_path is not None:
            return self.store_path
        if self.config.store is not None:
            return Path(self.config.store)
        from hubbub.config import default_store

        return default_store()

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, opened; made where there is none.

        Raises:
            UsageError, StoreError: the path is no store, or the store is damaged.
        """
        from hubbub.store import Store

        with Store.open(self.store_folder) as store:
            yield store

    @contextmanager
    def reading(self, *, load: bool = True) -> Iterator[Store]:
        """The store for a question. Where there is none yet it is empty, and none is made.

        Args:
            load: load what waits first, unless another loader is at it.

        Raises:
            UsageError, StoreError: the path is no store, or the store is damaged.
        """
        if not self.store_folder.exists():
            click.echo(f"hubbub: there is no store at {self.store_folder} yet", err=True)
            from tempfile import TemporaryDirectory

            from hubbub.store import Store

            with TemporaryDirectory(prefix="hubbub-") as folder, Store.open(folder) as store:
                yield store
            return
        with self.store() as store:
            if load:
                self._load(store)
            yield store

    def _load(self, store: Store) -> None:
        """Load what waits, unless another loader does; a full disk keeps nobody from reading."""
        from hubbub.errors import NoRoomError

        try:
            self.load(store, wait=False)
        except NoRoomError as error:
            click.echo(f"warning: what waits is not loaded: {error}", err=True)

    @property
    def bodies(self) -> bool:
        """`--bodies`, else the configuration's: whether what was received is stored whole."""
        return bool(self.config.bodies if self.bodies_stated is None else self.bodies_stated)

    def load(self, store: Store, *, wait: bool = True) -> Loaded:
        """Load what waits in the spool, with the user's rules and directory of people.

        Raises:
            UsageError: one of these files cannot be read.
            StoreError: no room, or damage; what was received stays in the spool.
        """
        return store.load(wait=wait, understand=self.reader)

    @staticmethod
    def counting(store: Store) -> Callable[[Iterable[str]], dict[str, Any]]:
        """Start to count; the function that is given says what sources brought since then.

        Counted by the store, so that it is right also where another process loads for us.
        """
        before = store.state.counts()

        def since(sources: Iterable[str]) -> dict[str, Any]:
            new, known = 0, 0
            refused: dict[str, int] = {}
            for source in sources:
                stored = store.state.forgotten.text(source)  # the name of a file may name somebody
                for name, n in store.state.counts(source).get(source, {}).items():
                    more = n - before.get(stored, {}).get(name, 0)
                    new += more if name == "new" else 0
                    known += more if name == "known" else 0
                    if name.startswith("refused:") and more:
                        reason = name.removeprefix("refused:")
                        refused[reason] = refused.get(reason, 0) + more
            return {"new": new, "known": known, "refused": refused}

        return since

    @staticmethod
    def say(facts: Mapping[str, Any], *, as_json: bool) -> None:
        """What a command did: a line for each fact, or JSON."""
        from hubbub.cli.output.formats import dumps

        if as_json:
            click.echo(dumps(facts, indent=2))
            return
        for name, value in facts.items():
            if isinstance(value, Mapping):
                total = sum(value.values())
                reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(value.items()))
                click.echo(f"{name}: {total}{f' ({reasons})' if reasons else ''}")
            else:
                click.echo(f"{name}: {value}")

    def plugins(self) -> None:
        """Load built-ins, installed plugins and files; what was loaded already is not loaded again.

        Raises:
            UsageError: a file that cannot be imported.
        """
        from hubbub import plugins

        notes: list[str] = []
        if not self._plugins:
            self._plugins = True
            notes += plugins.load_builtins() + plugins.load_installed()
        for path in (*map(Path, self.config.plugins), *self.plugin_files):
            if path not in self._loaded:
                self._loaded.add(path)
                notes += plugins.load_file(path)
        for note in notes:
            click.echo(f"warning: {note}", err=True)


pass_app = click.make_pass_decorator(App, ensure=True)


def _note(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Write a common option into the App; the place nearest to the command wins."""
    app = ctx.find_root().ensure_object(App)
    if value is None or value in {(), 0}:
        return
    if parameter.name == "verbose":
        app.verbose += value
    elif parameter.name == "plugins":
        app.plugin_files += [Path(one) for one in value if Path(one) not in app.plugin_files]
    elif parameter.name == "log_format":
        app.log_format = value
    elif parameter.name == "store":
        app.store_path = Path(value)
    else:
        app.config_path = Path(value)
        app.__dict__.pop("config", None)


def common_parameters() -> list[click.Option]:
    """New instances of the options that every command takes."""
    more: dict[str, Any] = {"expose_value": False, "callback": _note, "is_eager": True}
    return [
        click.Option(
            ["--store"],
            type=click.Path(),
            metavar="PATH",
            help="Folder of the store. Default: the platform's data directory.",
            **more,
        ),
        click.Option(
            ["--config"],
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Configuration file (TOML).",
            **more,
        ),
        click.Option(
            ["--plugins"],
            type=click.Path(dir_okay=False),
            multiple=True,
            metavar="FILE.py",
            help="File with queries and views of your own; repeatable.",
            **more,
        ),
        click.Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            help="How messages on standard error look.",
            **more,
        ),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            help="Say more; -vv shows tracebacks.",
            **more,
        ),
    ]


def common_options(command: C) -> C:
    """Add the common options to a click command (outermost decorator)."""
    assert isinstance(command, click.Command)
    command.params.extend(common_parameters())
    return command
