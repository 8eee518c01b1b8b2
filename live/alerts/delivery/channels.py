"""Channels: where notifications are sent, from `[notify]` of the configuration.

The address of a channel contains passwords: it is never logged, printed or stored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubbub.config import NotifyConfig
from hubbub.errors import UsageError

__all__ = ["Channel", "read_channels"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_LONGEST = 4_000  # characters of an address


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notifications are sent.

    Attributes:
        name: in the configuration.
        url: its address, as Apprise reads it; secret.
        people: whether its readers may see names of people.
        person: whose channel it is; private alerts about this person are sent to it.
    """

    name: str
    url: str = field(repr=False)
    people: bool = False
    person: str | None = None


def read_channels(sections: Mapping[str, str | NotifyConfig]) -> dict[str, Channel]:
    """Return the configured channels by name.

    Args:
        sections: of the configuration, by name; a text is short for the key `url`.

    Raises:
        UsageError: a section is not complete or contradicts itself, or a file or variable that it
            names cannot be read; names the section, never the address.
    """
    return {name: _channel(name, section) for name, section in sections.items()}


def _channel(name: str, section: str | NotifyConfig) -> Channel:
    where = f"[notify.{name}]"
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a channel",
            where=where,
            hint="write lower-case letters, digits, - and _",
        )
    if isinstance(section, str):
        section = NotifyConfig(url=section)
    given = [key for key in ("url", "url_file", "url_env") if getattr(section, key) is not None]
    if len(given) != 1:
        problem = "no address" if not given else f"both `{given[0]}` and `{given[1]}`"
        raise UsageError(
            f"the channel has {problem}",
            where=where,
            hint="give one of: url, url_file, url_env (docs/notifications.md)",
        )
    url = _address(section, where).strip()
    if len(url) > _LONGEST or not _ADDRESS.fullmatch(url):
        raise UsageError(
            "the address cannot be read",
            where=f"{where} {given[0]}",
            hint="one address of Apprise, for example mailto://user:password@example.org",
        )
    return Channel(name, url, people=section.people, person=section.person)


def _address(section: NotifyConfig, where: str) -> str:
    if section.url is not None:
        return section.url
    if section.url_file is not None:
        try:
            with Path(section.url_file).open(encoding="utf-8") as file:
                return file.read(_LONGEST + 2)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(
                f"the file with the address cannot be read: {why}", where=f"{where} url_file"
            ) from None
    name = section.url_env or ""
    if not _VARIABLE.fullmatch(name):
        raise UsageError("no name of an environment variable", where=f"{where} url_env")
    if name not in os.environ:
        raise UsageError(
            f"the environment variable {name} is not set",
            where=f"{where} url_env",
            hint="set it for every process that sends: listen, serve, jobs",
        )
    return os.environ[name]
