"""How evenly work is shared: metrics, windows, rarefaction and bootstrap intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.analyzers.evenness.metrics import Evenness as Evenness
    from hubbub.analyzers.evenness.metrics import measure as measure
    from hubbub.analyzers.evenness.metrics import measure_histogram as measure_histogram

__all__ = ["Evenness", "measure", "measure_histogram"]

__getattr__ = lazy_names(
    __name__,
    {
        "Evenness": "hubbub.analyzers.evenness.metrics",
        "measure": "hubbub.analyzers.evenness.metrics",
        "measure_histogram": "hubbub.analyzers.evenness.metrics",
    },
)
