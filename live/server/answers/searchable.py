"""The texts of an answer, each once: what is searched when a name is forgotten.

Searching a whole answer takes seconds a megabyte; most of it are numbers, times and markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

__all__ = ["searchable"]

_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")
_MARKUP = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)
_DRAWN = "svg"  # key of a picture's markup


def searchable(document: Any) -> bytes:
    """Return the different texts of a document, keys included, a line each.

    Args:
        document: JSON-ready; of a picture the text between the markup counts.
    """
    found = {text for text in _texts(document) if text and not _TIME.fullmatch(text)}
    return "\n".join(sorted(found)).encode("utf-8", "surrogatepass")


def _texts(document: Any) -> Iterator[str]:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for key, item in value.items():
                yield key
                if key == _DRAWN and isinstance(item, str):
                    yield from (unescape(text).strip() for text in _MARKUP.split(item) if text)
                else:
                    waiting.append(item)
        elif isinstance(value, list):
            waiting += value
