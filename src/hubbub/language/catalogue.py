"""Catalogues of messages, the current language, and messages without a number.

A catalogue is the compiled file of GNU gettext. What it lacks stays English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any, Final, TypeVar

from hubbub.errors import UsageError

__all__ = [
    "ENGLISH",
    "N_",
    "_",
    "current_language",
    "filled",
    "in_english",
    "languages",
    "pgettext",
    "translations",
    "use_language",
]

T = TypeVar("T")
ENGLISH: Final = "en"
FOLDER = Path(__file__).parent / "catalogues"
_CURRENT: ContextVar[str] = ContextVar("hubbub_language", default=ENGLISH)


def languages() -> tuple[str, ...]:
    """Return the names of all languages, as of ISO 639: English, then those with a catalogue."""
    return (ENGLISH, *sorted(file.stem for file in FOLDER.glob("*.mo")))


def current_language() -> str:
    """Return the language of the request that is being answered."""
    return _CURRENT.get()


@contextmanager
def use_language(name: str) -> Iterator[None]:
    """Write in a language; it holds for the current context (thread or task).

    Raises:
        UsageError: there is no such language.
    """
    if name not in languages():
        raise UsageError(
            f"there is no language {name[:40]!r}", hint=f"there are: {', '.join(languages())}"
        )
    token = _CURRENT.set(name)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def in_english(make: Callable[..., T], *arguments: Any) -> T:
    """Return what a function makes in English: names in data, which programs read."""
    with use_language(ENGLISH):
        return make(*arguments)


@lru_cache(maxsize=16)
def _read(file: Path) -> NullTranslations:
    with file.open("rb") as stream:
        return GNUTranslations(stream)


def translations() -> NullTranslations | None:
    """Return the catalogue of the current language; None: English, which has none."""
    name = _CURRENT.get()
    return None if name == ENGLISH else _read(FOLDER / f"{name}.mo")


def filled(template: str, values: Mapping[str, object]) -> str:
    """Put values into the places of a template; without values it is no template."""
    return template.format(**values) if values else template


def _(message: str, /, **values: object) -> str:
    """Return a message in the current language.

    Args:
        message: in English; with values, `{name}` is the place of a value.
        values: text, or what is written alike in every language.
    """
    catalogue = translations()
    # the empty message is the head of the catalogue
    text = message if catalogue is None or not message else catalogue.gettext(message)
    return filled(text, values)


def pgettext(context: str, message: str, /, **values: object) -> str:
    """Return a message as `_` does, told from others of the same English words by its context."""
    catalogue = translations()
    text = message if catalogue is None else catalogue.pgettext(context, message)
    return filled(text, values)


def N_(message: str) -> str:  # noqa: N802 - gettext's name
    """Mark a constant as a message; `_` translates it where it is used."""
    return message
