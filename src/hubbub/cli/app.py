"""State that all commands share: common options, configuration, store, plugins.

The common options are accepted before and after a command's name, and after a query's or view's
name; wherever they are given, they are stored in one `App`.
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

from hubbub.cli.loading import FunctionLoader

if TYPE_CHECKING:
    from hubbub.collector.people.reader import Reader, ReaderConfig
    from hubbub.config import Config
    from hubbub.registry import Function
    from hubbub.store import Store

__all__ = ["App", "common_options", "common_parameters", "pass_app"]

C = TypeVar("C", bound=Callable[..., Any])


class App:
    """The state of one run of the command line."""

    def __init__(self) -> None:
        self.store_path: Path | None = None
        self.store_url: str | None = None  # of a mirror
        self.config_path: Path | None = None
        self.directory_path: Path | None = None
        self.rules_path: Path | None = None
        self.engine: str | None = None
        self.log_format: str | None = None
        self.active_log_format = ""  # empty until logging is configured
        self.verbose = 0
        self.bodies_option: bool | None = None
        self.functions = FunctionLoader()

    @cached_property
    def config(self) -> Config:
        """The configuration, read on first use.

        Raises:
            UsageError: the file cannot be read or is not a valid configuration.
        """
        from hubbub.config import load

        return load(self.config_path).with_engine(self.engine)

    def configure_logging(self, *, level: int = logging.WARNING) -> Callable[[], None]:
        """Configure logging; `-v` shows what the command does, `-vv` everything.

        Args:
            level: the command's default level; a level in the configuration replaces it.

        Returns:
            A function that configures logging in the same way in another process.
        """
        from hubbub.cli.output.logs import configure

        configured = self.config.log_level
        if configured is not None:
            level = logging.getLevelNamesMapping()[configured.upper()]
        if self.verbose:
            level = max(logging.DEBUG, min(level, logging.WARNING - 10 * self.verbose))
        self.active_log_format = self.log_format or self.config.log_format or "text"
        set_up = partial(configure, self.active_log_format, level)
        set_up()
        return set_up

    @property
    def reader_config(self) -> ReaderConfig:
        """The files given with `--rules` and `--directory`, else the configured ones."""
        from hubbub.collector.people.reader import configured

        return configured(self.config, directory=self.directory_path, rules=self.rules_path)

    @cached_property
    def reader(self) -> Reader:
        """The decoder of frames; the files of `reader_config` are read on first use.

        Raises:
            UsageError: one of them cannot be read.
        """
        return self.reader_config.reader()

    def reloaded(self) -> App:
        """Return a copy with the same options and the configuration as it is now on disk.

        Raises:
            UsageError: the configuration, or a file that it names, cannot be read.
        """
        fresh = copy(self)
        for name in ("config", "reader"):
            fresh.__dict__.pop(name, None)
        fresh.check_rules()
        return fresh

    def check_rules(self) -> None:
        """Read rules and directory now, to report mistakes before anything else is done.

        Raises:
            UsageError: one of the files cannot be read.
        """
        _ = self.reader

    @property
    def mirror_url(self) -> str | None:
        """The URL of the mirror that is read; None: a store is used."""
        if self.store_url is not None or self.store_path is not None:
            return self.store_url
        configured = self.config.store
        return configured if configured is not None and "://" in configured else None

    @property
    def store_folder(self) -> Path:
        """`--store`, else the configured folder, else the platform's data folder.

        For a mirror the folder that stands for it, with what its collectors said until now.
        """
        if self.mirror_url is not None:
            from hubbub.cli.reading import mirror_folder

            return mirror_folder(self.mirror_url)
        if self.store_path is not None:
            return self.store_path
        if self.config.store is not None:
            return Path(self.config.store)
        from hubbub.config import default_store

        return default_store()

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store, or create it.

        Raises:
            UsageError, StoreError: the path is not a store, or the store is damaged.
        """
        from hubbub.store import Store

        with Store.open(self.store_folder) as store:
            store.require_writable()
            store.engine_memory = self.config.engine.memory_bytes
            store.engine_disk = self.config.engine.spill_bytes
            yield store

    @contextmanager
    def reading(self, *, load: bool = True, engine: bool = False) -> Iterator[Store]:
        """Open the store for reading; an empty temporary one if there is none.

        Args:
            load: load waiting messages first, unless another process does.
            engine: run queries on the engine that the user chose, which need not be built in.

        Raises:
            UsageError, StoreError: the path is not a store, or the store is damaged.
        """
        from hubbub.cli.reading import opened

        with opened(self, load=load, engine=engine) as store:
            yield store

    @property
    def bodies(self) -> bool:
        """Whether messages' bodies are stored: `--bodies`, else the configuration."""
        return bool(self.config.bodies if self.bodies_option is None else self.bodies_option)

    def load(self, store: Store, *, wait: bool = True) -> None:
        """Load the spool with the user's rules and directory, which are read if there is work.

        Args:
            store: an open store.
            wait: wait for another loader to finish; otherwise leave the work to it.

        Raises:
            UsageError: one of the files cannot be read.
            StoreError: no room, or damage; received messages stay in the spool.
        """
        if store.has_work():
            store.load(wait=wait, understand=self.reader)

    @staticmethod
    def count_changes(store: Store) -> Callable[[Iterable[str]], dict[str, Any]]:
        """Return a function that counts what was loaded from given sources since this call.

        It uses the store's counters, which include what other processes load.
        """
        before = store.state.counts()

        def changes(sources: Iterable[str]) -> dict[str, Any]:
            totals = {"new": 0, "known": 0}
            refused: dict[str, int] = {}
            for source in sources:
                # counters are kept under the pseudonym if a file name contains a forgotten name
                stored_source = store.state.forgotten.text(source)
                for name, total in store.state.counts(source).get(source, {}).items():
                    added = total - before.get(stored_source, {}).get(name, 0)
                    if name in totals:
                        totals[name] += added
                    elif name.startswith("refused:") and added:
                        reason = name.removeprefix("refused:")
                        refused[reason] = refused.get(reason, 0) + added
            return {**totals, "refused": refused}

        return changes

    @staticmethod
    def print_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
        """Print the outcome of a command: a line for each fact, or JSON."""
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

    def set_config_path(self, path: str) -> None:
        """Use another configuration file."""
        self.config_path = Path(path)
        self.__dict__.pop("config", None)

    def plugins(self) -> None:
        """Load all functions: built-in, of installed plugins, of plugin files.

        Raises:
            UsageError: a file cannot be imported.
        """
        self.functions.load_all(self.config.plugins)

    def load_function(self, kind: str, name: str) -> Function | None:
        """Return a function, or None; load only what a call of it needs.

        Raises:
            UsageError: a plugin's file cannot be imported.
        """
        return self.functions.load_one(kind, name, self.config.plugins)


pass_app = click.make_pass_decorator(App, ensure=True)


def _store_option(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store a common option in the App; the one nearest to the end of the line wins."""
    app = ctx.find_root().ensure_object(App)
    if value is None or value in {(), 0}:
        return
    if parameter.name == "verbose":
        app.verbose += value
    elif parameter.name == "plugins":
        app.functions.add_files(value)
    elif parameter.name == "log_format":
        app.log_format = value
    elif parameter.name == "store":
        if "://" in value:
            app.store_url, app.store_path = value, None
        else:
            app.store_path, app.store_url = Path(value), None
    elif parameter.name == "engine":
        app.engine = value
        app.__dict__.pop("config", None)
    else:
        app.set_config_path(value)


def common_parameters() -> list[click.Option]:
    """Return new instances of the options that every command takes."""
    common: dict[str, Any] = {"expose_value": False, "callback": _store_option, "is_eager": True}
    return [
        click.Option(
            ["--store"],
            type=click.Path(),
            metavar="PATH",
            help="Folder of the store, or URL of a mirror. Default: the platform's data folder.",
            **common,
        ),
        click.Option(
            ["--config"],
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Configuration file (TOML).",
            **common,
        ),
        click.Option(
            ["--plugins"],
            type=click.Path(dir_okay=False),
            multiple=True,
            metavar="FILE.py",
            help="Python file with your own queries, views and jobs; repeatable.",
            **common,
        ),
        click.Option(
            ["--engine"],
            metavar="URL",
            help="Query engine: sc://HOST:PORT (Spark Connect), or duckdb, the built-in one.",
            **common,
        ),
        click.Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            help="Format of log messages on standard error.",
            **common,
        ),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            help="Log more; -vv shows tracebacks.",
            **common,
        ),
    ]


def common_options(command: C) -> C:
    """Add the common options to a click command; the outermost decorator.

    An option of the command hides the common option of the same name.
    """
    assert isinstance(command, click.Command)
    own = {flag for parameter in command.params for flag in parameter.opts}
    command.params.extend(option for option in common_parameters() if own.isdisjoint(option.opts))
    return command
