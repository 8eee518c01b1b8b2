"""Normalise names of accounts and objects, and recognise bot accounts.

Merges of accounts into persons are applied at query time, never here: stored events do not change.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

__all__ = ["DEFAULT_BOTS", "MAX_NAME", "bots_matcher", "is_bot", "normalise", "normalise_object"]

#: Globs of accounts known to be bots; `more_bots` in the configuration adds to the list, `bots`
#: replaces it.
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
MAX_NAME = 255  # characters; anything longer is a text, not a name

_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
#: Control characters and lone surrogates: no account has them, and tables cannot store the latter.
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def normalise(name: Any, directory: Mapping[str, str] | None = None) -> str | None:
    """Return the account that a text names, trimmed and in NFC, or None if it is not an account.

    Not accounts: e-mail addresses missing from the directory, IPv4 addresses (anonymous edits),
    groups (`@python`, `github_org_…`), the empty text and the text "None".
    """
    if type(name) is not str:
        return None
    if name.isascii() and name.isalnum() and name != "None":  # fast path: most names
        return name if len(name) <= MAX_NAME else None
    cleaned = _clean(name)
    if "@" in cleaned[1:] and directory is not None:
        account = directory.get(cleaned)
        cleaned = _clean(account) if isinstance(account, str) else cleaned
    if not cleaned or cleaned == "None" or len(cleaned) > MAX_NAME or "@" in cleaned:
        return None
    if cleaned.startswith("github_org_") or _IPV4.fullmatch(cleaned):
        return None
    return cleaned


def normalise_object(name: Any) -> str | None:
    """Return the normalised name of an object (package, notebook, URL section), or None."""
    if type(name) is not str:
        return None
    cleaned = _clean(name)
    return cleaned if cleaned and cleaned != "None" and len(cleaned) <= 4 * MAX_NAME else None


def _clean(text: str) -> str:
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text if text.isprintable() else _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@lru_cache(maxsize=16)
def _matcher(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs) or r"(?!)")


def bots_matcher(globs: Iterable[str] = DEFAULT_BOTS) -> re.Pattern[str]:
    """Return a pattern whose `match` accepts the names of bots."""
    return _matcher(tuple(globs))


def is_bot(name: str, globs: Iterable[str] = DEFAULT_BOTS) -> bool:
    """Whether a name matches one of the globs; case-sensitive."""
    return bots_matcher(globs).match(name) is not None
