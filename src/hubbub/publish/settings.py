"""What a site is made of: its title, address, views, licence, and whether it names people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hubbub.charts.picture.text import clean
from hubbub.errors import UsageError
from hubbub.language import N_

__all__ = ["TITLE", "Licence", "Settings", "address", "licence"]

#: Of a site that is given none.
TITLE = N_("Who carries the load")
_LONGEST = 200  # characters of a title or an address
_LICENCES: Mapping[str, tuple[str, str]] = {
    "CC0-1.0": ("Creative Commons Zero 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "CC-BY-4.0": (
        "Creative Commons Attribution 4.0",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    "CC-BY-SA-4.0": (
        "Creative Commons Attribution Share-Alike 4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
    "ODC-BY-1.0": (
        "Open Data Commons Attribution 1.0",
        "https://opendatacommons.org/licenses/by/1-0/",
    ),
    "ODbL-1.0": (
        "Open Data Commons Open Database License 1.0",
        "https://opendatacommons.org/licenses/odbl/1-0/",
    ),
    "PDDL-1.0": (
        "Open Data Commons Public Domain Dedication 1.0",
        "https://opendatacommons.org/licenses/pddl/1-0/",
    ),
}


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence of the published data."""

    name: str
    title: str
    path: str  # its address; empty if it is not known


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a site.

    Attributes:
        title: of the site.
        url: its address, with a slash at the end; empty if it is not known.
        views: names of the chosen views; empty: all built-in ones.
        names: whether people are named.
        cards: whether social cards are drawn.
        licence: of the data; None: none is stated.
        font_dirs: folders of fonts for the social cards.
        least: fewer people than this are not counted by category, and their topics not listed.
    """

    title: str = TITLE
    url: str = ""
    views: Sequence[str] = ()
    names: bool = False
    cards: bool = True
    licence: Licence | None = None
    font_dirs: Sequence[Path] = ()
    least: int = 5


def address(text: str | None, where: str = "--url") -> str:
    """Return the address of a site, checked, with a slash at its end; empty for None.

    Args:
        text: of the option or key.
        where: the option or key, for errors.

    Raises:
        UsageError: it is no address of the web, or has a query, a fragment or a password.
    """
    if not text:
        return ""
    hint = "write the address of the folder: https://example.org/stats/"
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise UsageError(f"{text[:80]!r} is no address", where=where, hint=hint) from None
    written = all(0x21 <= ord(c) < 0x7F and c not in '"<>\\^`{|}' for c in text)  # noqa: PLR2004
    whole = parts.scheme in {"http", "https"} and parts.hostname and port_is_right and written
    if not whole or parts.query or parts.fragment or parts.username or parts.password:
        raise UsageError(f"{text[:80]!r} is no address of a site", where=where, hint=hint)
    if len(text) > _LONGEST:
        raise UsageError(f"the address has {len(text)} characters", where=where, hint=hint)
    path = parts.path.removesuffix("index.html")
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}/"


def licence(text: str | None, where: str = "--license") -> Licence | None:
    """Return the licence with an SPDX name (`CC-BY-4.0`) or an address; None for None.

    Args:
        text: of the option or key.
        where: the option or key, for errors.

    Raises:
        UsageError: it is neither.
    """
    if not text:
        return None
    for name, (title, path) in _LICENCES.items():
        if name.casefold() == text.casefold():
            return Licence(name, title, path)
    if re.fullmatch(r"https?://[!-~]{3,200}", text) and not set(text) & set('"<>'):
        return Licence("other", clean(text, _LONGEST), text)
    if re.fullmatch(r"[A-Za-z0-9.+-]{2,60}", text):
        return Licence(text, text, "")
    raise UsageError(
        f"{text[:80]!r} is no licence",
        where=where,
        hint=f"write one of {', '.join(_LICENCES)}, another SPDX name, or an address",
    )
