"""Read frames from files: JSON lines, message archives and logs, which may grow and rotate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.collector.files.reader import FORMATS as FORMATS
    from hubbub.collector.files.reader import read as read
    from hubbub.collector.files.reader import section as section

__all__ = ["FORMATS", "read", "section"]

__getattr__ = lazy_names(
    __name__,
    {
        "FORMATS": "hubbub.collector.files.reader",
        "read": "hubbub.collector.files.reader",
        "section": "hubbub.collector.files.reader",
    },
)
