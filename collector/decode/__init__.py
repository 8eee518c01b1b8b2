"""Decode frames into messages: the formats of buses, history and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.collector.decode.message import decode as decode

__all__ = ["decode"]

__getattr__ = lazy_names(
    __name__,
    {
        "decode": "hubbub.collector.decode.message",
    },
)
