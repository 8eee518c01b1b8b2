"""Retention periods from options and configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.cli.app import App
from hubbub.sizes import parse_size

if TYPE_CHECKING:
    from hubbub.store.policy import RetentionPolicy

__all__ = ["retention_settings"]


def retention_settings(
    app: App, events: str | None = None, bodies: str | None = None
) -> RetentionPolicy:
    """Return the retention periods: the given ones, else the configured ones.

    Raises:
        UsageError: a text is not a duration or size.
    """
    from hubbub.store.policy import parse_policy

    configured = app.config.retention
    size = configured.dead_letters_size
    return parse_policy(
        events or configured.events,
        bodies or configured.bodies,
        configured.dead_letters,
        None if size is None else parse_size(size, "retention.dead_letters_size"),
    )
