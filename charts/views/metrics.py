"""The metrics of evenness in words: how titles and subtitles name and explain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hubbub.language import N_

__all__ = ["READINGS", "Metric", "Reading"]

Metric = Literal[
    "longtail",
    "longtail_exact",
    "longtail_scaled",
    "gini",
    "gini_corrected",
    "effective_people",
    "hill_1",
    "pielou",
    "absence_factor",
]


@dataclass(frozen=True, slots=True)
class Reading:
    """How to present a metric, as messages."""

    title: str  # at the beginning of a sentence
    name: str  # after "enough activity for"
    label: str  # without an article
    means: str  # what is measured, and its unit
    better: str  # how to read it
    lower: bool  # lower is more even


_MORE = N_("higher where more people share the work")
#: Metrics of one window's counts: a busy window differs from a quiet one of the same people.
_VOLUME = N_("it also grows with the number of messages")
_ALIKE = N_("compare windows of equally many messages")
READINGS: Mapping[str, Reading] = {
    "longtail": Reading(
        N_("The long-tail metric"),
        N_("the long-tail metric"),
        N_("Long-tail metric"),
        N_("mean gap to the head→tail line, in messages"),
        _VOLUME,
        lower=True,
    ),
    "longtail_exact": Reading(
        N_("The exact long-tail metric"),
        N_("the exact long-tail metric"),
        N_("Exact long-tail metric"),
        N_("mean gap to the line that meets the tail, in messages"),
        _VOLUME,
        lower=True,
    ),
    "longtail_scaled": Reading(
        N_("The scaled long-tail metric"),
        N_("the scaled long-tail metric"),
        N_("Scaled long-tail metric"),
        N_("gap to the straight head→tail line, in multiples of the mean"),
        N_("0 for equal counts and for a straight slope"),
        lower=True,
    ),
    "gini": Reading(
        N_("The Gini index"),
        N_("the Gini index"),
        N_("Gini index"),
        N_("0 even, near 1 one person has nearly all"),
        _ALIKE,
        lower=True,
    ),
    "gini_corrected": Reading(
        N_("The corrected Gini index"),
        N_("the corrected Gini index"),
        N_("Corrected Gini index"),
        N_("0 even, near 1 one person has nearly all"),
        _ALIKE,
        lower=True,
    ),
    "effective_people": Reading(
        N_("Effective people"),
        N_("effective people"),
        N_("Effective people"),
        N_(
            "as if so many people had equally many messages (Hill number of order 2), each message "
            "counted as an action of its own"
        ),
        _MORE,
        lower=False,
    ),
    "hill_1": Reading(
        N_("Effective people of order 1"),
        N_("effective people of order 1"),
        N_("Effective people of order 1"),
        N_("exponential of Shannon's entropy"),
        _MORE,
        lower=False,
    ),
    "pielou": Reading(
        N_("Pielou's evenness"),
        N_("Pielou's evenness"),
        N_("Pielou's evenness"),
        N_("1 even, near 0 one person has nearly all"),
        _ALIKE,
        lower=False,
    ),
    "absence_factor": Reading(
        N_("The absence factor"),
        N_("the absence factor"),
        N_("Absence factor"),
        N_("fewest people who together have half of the mentions"),
        _MORE,
        lower=False,
    ),
}
