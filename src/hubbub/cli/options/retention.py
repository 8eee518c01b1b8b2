"""`hubbub retention`: what is older than its time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.cli.app import App
from hubbub.cli.options.trust import size_of

if TYPE_CHECKING:
    from hubbub.store.policy import RetentionPolicy

__all__ = ["keep_of"]


def keep_of(app: App, events: str | None = None, bodies: str | None = None) -> RetentionPolicy:
    """What these options say, else the configuration.

    Raises:
        UsageError: a text that says no time or size.
    """
    from hubbub.store.policy import parse_policy

    given = app.config.retention
    size = given.dead_letters_size
    return parse_policy(
        events or given.events,
        bodies or given.bodies,
        given.dead_letters,
        None if size is None else size_of(size, "retention.dead_letters_size"),
    )
