"""Plugins: loading them, and running them in processes of their own.

Importing the package loads no plugin and starts no process.
"""

from hubbub.plugins.loading import (
    GROUP,
    installed,
    load,
    load_builtins,
    load_file,
    load_installed,
    load_module,
)
from hubbub.registry.builtins import modules_for

__all__ = [
    "GROUP",
    "installed",
    "load",
    "load_builtins",
    "load_file",
    "load_installed",
    "load_module",
    "modules_for",
]
