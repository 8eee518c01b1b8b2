"""Remove forgotten names from what plugins keep beside their documents."""

from __future__ import annotations

from pathlib import Path

from hubbub.store.plugin_data import cache
from hubbub.store.plugin_data.files import paths
from hubbub.store.state.pseudonyms import SEARCHED, Forgotten

__all__ = ["scrub"]


def scrub(store: Path, forgotten: Forgotten) -> int:
    """Empty the cache, and delete the files that contain a forgotten name or are named after one.

    A plugin computes and writes them again. A file that is too large to be searched is deleted as
    well.

    Args:
        store: the store's folder.
        forgotten: the list of names.

    Returns:
        The number of deleted files.
    """
    cache.clear(store)
    deleted = 0
    for path in list(paths(store)):
        with path.open("rb") as file:
            content = file.read(SEARCHED + 1)
        if forgotten.holds(content) or forgotten.text(path.name) != path.name:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted
