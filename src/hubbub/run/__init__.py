"""Running of queries, views and jobs: parameters, time ranges, injected objects, results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.run.runner import CommonOptions as CommonOptions
    from hubbub.run.runner import Runner as Runner

__all__ = ["CommonOptions", "Runner"]

__getattr__ = lazy_names(
    __name__,
    {
        "CommonOptions": "hubbub.run.runner",
        "Runner": "hubbub.run.runner",
    },
)
