"""Verify fedmsg's X.509 signatures: trust settings, checks, and which sources need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.collector.signatures.x509 import REASONS as REASONS
    from hubbub.collector.signatures.x509 import Trust as Trust
    from hubbub.collector.signatures.x509 import check as check
    from hubbub.collector.signatures.x509 import load_trust as load_trust

__all__ = ["REASONS", "Trust", "check", "load_trust"]

__getattr__ = lazy_names(
    __name__,
    {
        "REASONS": "hubbub.collector.signatures.x509",
        "Trust": "hubbub.collector.signatures.x509",
        "check": "hubbub.collector.signatures.x509",
        "load_trust": "hubbub.collector.signatures.x509",
    },
)
