"""Loading of registered functions for a command: all of them, or the one that it runs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hubbub.config import PluginsConfig
    from hubbub.registry import Function

__all__ = ["FunctionLoader"]


class FunctionLoader:
    """Loads built-in functions, installed plugins and plugin files, each only once.

    Attributes:
        files: plugin files of the command line, loaded after those of the configuration.
    """

    def __init__(self) -> None:
        self.files: list[Path] = []
        self._loaded: set[Path] = set()
        self._packages_loaded = False

    @cached_property
    def _packages_extend(self) -> bool:
        """Whether there are installed plugins; looking for them reads what each package says."""
        from hubbub import plugins

        return bool(plugins.installed())

    def add_files(self, paths: Iterable[str]) -> None:
        """Add files that are not in the list yet."""
        self.files += [Path(p) for p in paths if Path(p) not in self.files]

    def every_file(self, config: PluginsConfig) -> list[Path]:
        """Return the files of the configuration, then those of the command line."""
        return [*map(Path, config.files), *self.files]

    def load_one(self, kind: str, name: str, config: PluginsConfig) -> Function | None:
        """Return a function, or None; without plugins, only its own modules are imported.

        Raises:
            UsageError: a plugin's file cannot be imported.
        """
        from hubbub import plugins
        from hubbub.registry import REGISTRY

        extended = config.modules or self.every_file(config) or self._packages_extend
        modules = [] if extended else plugins.modules_for(kind, name)
        if not modules:
            self.load_all(config)
            return REGISTRY.of(kind).get(name)
        plugins.load_builtins(modules)
        return REGISTRY.of(kind)[name]

    def load_all(self, config: PluginsConfig) -> None:
        """Load everything; warn about functions that are replaced and plugins that fail.

        Raises:
            UsageError: a file cannot be imported.
        """
        from hubbub import plugins

        notes: list[str] = []
        if not self._packages_loaded:
            self._packages_loaded = True
            notes += plugins.load_builtins() + plugins.load_installed()
            for name in config.modules:
                notes += plugins.load_module(name)
        for path in self.every_file(config):
            if path not in self._loaded:
                self._loaded.add(path)
                notes += plugins.load_file(path)
        for note in notes:
            click.echo(f"warning: {note}", err=True)
