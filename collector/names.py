"""Names: what counts as an account's name, and which accounts are robots.

Comes in: what publishers wrote where a name should be. Goes out: the account's name, or None.
Merges of two accounts into one person are applied when reading, never here: stored events do not
change.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

__all__ = ["DEFAULT_BOTS", "MAX_NAME", "bots_matcher", "is_bot", "normalise", "normalise_object"]

#: Accounts that are known to be programs; the configuration's `bots` replaces the list. Globs.
DEFAULT_BOTS = (
    "releng",
    "koschei",
    "bodhi",
    "zodbot",
    "packit",
    "anitya",
    "pagure",
    "autoqa",
    "taskotron",
    "upstream-release-monitoring",
    "abrt-bot",
    "composer",
    "zuul",
    "packagerbot",
    "*-sig",
    "*-maint",
    "*-team",
)
MAX_NAME = 255  # characters; whatever is longer is a text, not a name

_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
#: Control characters and lone surrogates: no account has any, and no table can store the latter.
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def normalise(name: Any, directory: Mapping[str, str] | None = None) -> str | None:
    """The account that a text names, or None where it names none.

    Trimmed and NFC. Dropped are e-mail addresses that the directory does not know, IPv4 addresses
    (edits by nobody), groups (`@python`, `github_org_…`), the empty text and the text None.
    """
    if type(name) is not str:
        return None
    if name.isascii() and name.isalnum() and name != "None":  # most names, most of the time
        return name if len(name) <= MAX_NAME else None
    cleaned = _stored(name)
    if "@" in cleaned[1:] and directory is not None:
        found = directory.get(cleaned)
        cleaned = _stored(found) if isinstance(found, str) else cleaned
    if not cleaned or cleaned == "None" or len(cleaned) > MAX_NAME or "@" in cleaned:
        return None
    if cleaned.startswith("github_org_") or _IPV4.fullmatch(cleaned):
        return None
    return cleaned


def normalise_object(name: Any) -> str | None:
    """The name of an object (package, notebook, section of a URL), or None."""
    if type(name) is not str:
        return None
    cleaned = _stored(name)
    return cleaned if cleaned and cleaned != "None" and len(cleaned) <= 4 * MAX_NAME else None


def _stored(text: str) -> str:
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text if text.isprintable() else _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@lru_cache(maxsize=16)
def _matcher(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs) or r"(?!)")


def bots_matcher(globs: Iterable[str] = DEFAULT_BOTS) -> re.Pattern[str]:
    """A regular expression that matches (`match`) the name of every robot."""
    return _matcher(tuple(globs))


def is_bot(name: str, globs: Iterable[str] = DEFAULT_BOTS) -> bool:
    """Whether a name is on the list of robots; the comparison knows upper and lower case."""
    return bots_matcher(globs).match(name) is not None
