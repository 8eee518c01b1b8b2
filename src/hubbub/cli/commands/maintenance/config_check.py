"""The values of a configuration, checked by what uses them, without connecting to anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hubbub.config import Config
from hubbub.config.schema import NAME, sections
from hubbub.errors import HubbubError, UsageError

__all__ = ["mistakes"]


def mistakes(config: Config, table: dict[str, Any]) -> Iterator[HubbubError]:
    """Yield what is wrong with the values of a configuration.

    Args:
        config: the configuration.
        table: the same as in the file, with absolute paths.
    """
    yield from _missing_files(table)
    for check in _checks(config):
        try:
            check()
        except HubbubError as error:
            yield error


def _checks(config: Config) -> Iterator[Callable[[], object]]:
    from hubbub.collector.people.reader import configured
    from hubbub.sizes import parse_size
    from hubbub.store.policy import parse_policy

    yield lambda: config.engine.memory_bytes
    yield lambda: config.engine.spill_bytes
    yield lambda: (config.plugins.seconds, config.plugins.memory_bytes)
    yield lambda: parse_policy(
        config.retention.events, config.retention.bodies, config.retention.dead_letters
    )
    for name, text in (
        ("max_message", config.max_message),
        ("retention.dead_letters_size", config.retention.dead_letters_size),
    ):
        if text is not None:
            yield lambda name=name, text=text: parse_size(text, name)  # type: ignore[misc]
    yield lambda: configured(config).reader()
    yield lambda: _check_server(config)
    yield lambda: _check_site(config)
    if config.alerts or config.notify:
        yield lambda: _check_alerts(config)


def _check_server(config: Config) -> None:
    from hubbub.collector.hooks.settings import read_hooks
    from hubbub.live.server.settings import is_loopback, serve_settings

    settings = serve_settings(config)
    read_hooks(config.hooks, loopback=is_loopback(settings.host))


def _check_site(config: Config) -> None:
    from hubbub.publish.settings import address, licence

    address(config.publish.url, "publish.url")
    licence(config.publish.license, "publish.license")


def _check_alerts(config: Config) -> None:
    from hubbub.live.alerts.delivery.channels import read_channels
    from hubbub.live.alerts.rules import read_rules

    channels = read_channels(config.notify)
    for rule in read_rules(config.alerts):
        for name in rule.notify:
            if name not in channels:
                hint = f"there are: {', '.join(channels)}" if channels else "there are none"
                raise UsageError(
                    f"the alert rule {rule.name!r} notifies a channel {name!r} that does not exist",
                    hint=hint,
                )


def _missing_files(table: dict[str, Any]) -> Iterator[UsageError]:
    """Yield an error for each file that a key names and that does not exist."""
    for section in sections(Config):
        first, _, own = section.name.partition(".")
        tables = table.get(first, {}) if first else table
        if own == NAME:
            named = [(f"{first}.{name}", value) for name, value in tables.items()]
        elif section.repeatable:
            named = [(f"{first}[{n}]", value) for n, value in enumerate(tables, 1)]
        else:
            named = [(first, tables)]
        for where, values in named:
            for key in section.keys:
                if key.path and key.name != "store" and isinstance(values, dict):
                    for path in _paths(values.get(key.name)):
                        if not Path(path).exists():
                            full = f"{where}.{key.name}"
                            yield UsageError(f"{full} names a file that does not exist", where=path)


def _paths(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):  # wrappers: file.py:function, or a module's function
        return [text.rpartition(":")[0] for text in value.values() if ".py:" in text]
    return list(value or ())
