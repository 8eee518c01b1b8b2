"""The mirror that `[mirror]` configures, beside a command that runs for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.store.mirror_process import MirrorProcess

__all__ = ["mirror_process", "mirrored"]

_STOP = 0.5  # seconds to finish a commit; after a kill the next run goes on exactly there


def mirror_process(app: App, prepare: Callable[[], object]) -> MirrorProcess | None:
    """Return the process that keeps the configured mirror up, not started; None: there is none.

    Args:
        app: its store and configuration.
        prepare: configures logging in the process.

    Raises:
        UsageError: a wrong value.
    """
    configured = app.config.mirror
    if configured.url is None:
        return None
    from hubbub.store.mirror.place import Place
    from hubbub.store.mirror_process import MirrorProcess

    return MirrorProcess(
        app.store_folder, Place(configured.url).url, every=configured.seconds, prepare=prepare
    )


@contextmanager
def mirrored(app: App, prepare: Callable[[], object]) -> Iterator[None]:
    """Keep the configured mirror up while the block runs; errors as in `mirror_process`."""
    process = mirror_process(app, prepare)
    if process is None:
        yield
        return
    process.start()
    try:
        yield
    finally:
        process.stop(_STOP)
