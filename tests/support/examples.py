"""How many examples Hypothesis tries."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]

_THOROUGH = 20


def examples(few: int) -> int:
    """Return `few`, or 20 times as many with HYPOTHESIS_PROFILE=thorough."""
    return few * _THOROUGH if settings.get_current_profile_name() == "thorough" else few
