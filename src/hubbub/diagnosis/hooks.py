"""Checks of the configured webhooks: are they complete, and does what GitHub sends arrive?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from hubbub.collector.hooks.github import DeliveryLog
from hubbub.collector.hooks.settings import Hook, read_hooks
from hubbub.config import Config
from hubbub.diagnosis.check import Check, Level, from_error
from hubbub.errors import HubbubError
from hubbub.language.plurals import plural

__all__ = ["check_hooks"]

_DAY = 86_400.0  # s of deliveries that are looked at
_MICRO = 1_000_000


def check_hooks(config: Config, *, loopback: bool) -> Iterator[Check]:
    """Check each section `[hooks.NAME]`, and the list of deliveries of those at GitHub.

    Args:
        config: the configuration.
        loopback: whether the server is for this machine only.
    """
    for name, section in config.hooks.items():
        try:
            hook = read_hooks({name: section}, loopback=loopback)[name]
        except HubbubError as error:
            yield from_error(f"hook {name}", error)
            continue
        signed = "signed" if hook.secrets else "unsigned, from this machine"
        yield Check(f"hook {name}", Level.OK, f"takes deliveries of {hook.kind}, {signed}")
        if hook.github is not None:
            yield _check_github(hook, DeliveryLog(hook.github))


def _check_github(hook: Hook, log: DeliveryLog) -> Check:
    """Check that GitHub lists its deliveries, and that the newest one was taken."""
    name = f"GitHub's deliveries of {hook.name}"
    try:
        listed = list(log.since(int((time.time() - _DAY) * _MICRO)))
    except HubbubError as error:
        return from_error(name, error)
    failed = sum(not delivery.taken for delivery in listed)
    what = f"{len(listed):,} in the last day, of which {plural(failed, 'was', 'were')} not taken"
    if listed and not listed[0].taken:
        status = listed[0].status_code
        answered = f"was answered {status}" if status else "was not answered"
        hint = "can GitHub reach hubbub serve, and is the secret the same? Missed ones are healed"
        return Check(name, Level.WARNING, f"{what}; the newest {answered}", hint)
    return Check(name, Level.OK, what)
