"""The job `expire_files`: remove the files of plugins whose time is over."""

from __future__ import annotations

from hubbub.registry import cron
from hubbub.store.plugin_data.files import Files

__all__ = ["expire_files"]


@cron("1h")
def expire_files(fs: Files) -> list[str]:
    """Remove the files that plugins let expire, with `fs.expire`, and that have."""
    return fs.remove_expired()
