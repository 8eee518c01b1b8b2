"""Moving-average alerts on a series of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.analyzers.alerts.threshold import Crossing as Crossing
    from hubbub.analyzers.alerts.threshold import Crossover as Crossover
    from hubbub.analyzers.alerts.threshold import crossings as crossings

__all__ = ["Crossing", "Crossover", "crossings"]

__getattr__ = lazy_names(
    __name__,
    {
        "Crossing": "hubbub.analyzers.alerts.threshold",
        "Crossover": "hubbub.analyzers.alerts.threshold",
        "crossings": "hubbub.analyzers.alerts.threshold",
    },
)
