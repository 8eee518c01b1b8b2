"""A `Runner` with the options of a configuration file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hubbub.config import Config
from hubbub.run.scope import CommonOptions
from hubbub.store.query.selection import bot_globs

if TYPE_CHECKING:
    from hubbub.calls.remote import RemoteServer
    from hubbub.run.runner import Runner
    from hubbub.store import Store

__all__ = ["common_options", "configured_runner", "runner_options"]


def common_options(config: Config) -> CommonOptions:
    """Return the common options that a configuration sets."""
    return CommonOptions(by=config.by, bots=config.bots, tz=config.project.timezone)


def _servers(config: Config) -> Sequence[RemoteServer]:
    if not config.servers:
        return ()
    from hubbub.calls.configured import configured_servers  # requests takes a tenth of a second

    return configured_servers(config.servers)


def configured_runner(store: Store, config: Config, **options: Any) -> Runner:
    """Return a runner with the configured bots, affiliations, other servers and common options.

    Args:
        store: an open store.
        config: the configuration.
        options: of `Runner`; they replace what is configured.
    """
    from hubbub.run.runner import Runner  # commands that only ask for the zone need none

    runner = Runner(store, **(runner_options(config) | options))
    runner.inject.project = (config.project.name or "", config.project.url or "")
    return runner


def runner_options(config: Config) -> dict[str, Any]:
    """Return the arguments of a `Runner` that a configuration sets."""
    people = config.people
    return {
        "common": common_options(config),
        "bots": bot_globs(people.bots, people.more_bots),
        "affiliations": people.affiliations,
        "servers": _servers(config),
    }
