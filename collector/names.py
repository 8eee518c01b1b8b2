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

__all__ = [
    "DEFAULT_BOTS",
    "MAX_NAME",
    "bots_matcher",
    "is_bot",
    "normalise",
    "normalise_object",
    "visible",
]

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
    "buildservice-autocommit",  # from here on: of openSUSE's build service
    "factory-auto",
    "licensedigger",
    "repo-checker",
    "staging-bot",
)
MAX_NAME = 255  # characters; anything longer is a text, not a name
_MAX_OBJECT = 4 * MAX_NAME

_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_MAX_GROWTH = 4  # a text in NFC is at least a quarter as long as its decomposition in practice
#: Format characters (zero-width, bidirectional, soft hyphen: the category Cf) and the others that
#: Unicode lets a font leave out (Default_Ignorable_Code_Point: fillers, variation selectors).
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"[^\S \t\n\r\x0b\x0c\x1c-\x1f\x85]")  # no-break, thin, … spaces
#: Control characters and lone surrogates: no account has them, and tables cannot store the latter.
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def normalise(name: Any, directory: Mapping[str, str] | None = None) -> str | None:
    """Return the account that a text names, trimmed and in NFC, or None if it is not an account.

    Characters that cannot be seen are removed, so that no name looks like another.

    Not accounts: e-mail addresses missing from the directory, IPv4 addresses (anonymous edits),
    groups (`@python`, `github_org_…`), the empty text and the text "None".
    """
    if type(name) is not str:
        return None
    if name.isascii() and name.isalnum() and name != "None":  # fast path: most names
        return name if len(name) <= MAX_NAME else None
    cleaned = _clean(name, MAX_NAME)
    if "@" in cleaned[1:] and directory is not None:
        account = directory.get(cleaned)
        cleaned = _clean(account, MAX_NAME) if isinstance(account, str) else cleaned
    if not cleaned or cleaned == "None" or len(cleaned) > MAX_NAME or "@" in cleaned:
        return None
    if cleaned.startswith("github_org_") or _IPV4.fullmatch(cleaned):
        return None
    return cleaned


def normalise_object(name: Any) -> str | None:
    """Return the normalised name of an object (package, notebook, URL section), or None."""
    if type(name) is not str:
        return None
    cleaned = _clean(name, _MAX_OBJECT)
    return cleaned if cleaned and cleaned != "None" and len(cleaned) <= _MAX_OBJECT else None


def visible(text: str) -> str:
    """Return a text without the characters that cannot be seen, and with ordinary spaces."""
    return text if text.isascii() else _SPACE.sub(" ", _INVISIBLE.sub("", text))


def _clean(text: str, longest: int) -> str:
    """Return a text trimmed, visible and in NFC; "" if it is much too long for a name."""
    text = text.strip()
    if not text.isascii():
        text = visible(text).strip()
        if len(text) > _MAX_GROWTH * longest:  # composing a long one takes hours
            return ""
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
