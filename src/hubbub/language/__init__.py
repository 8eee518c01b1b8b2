"""The language of charts, reports and published pages: English, or a catalogue's.

`_("{user} has {share} of the messages", user=…, share=…)` looks the English sentence up in the
catalogue of the current language, and then fills in values that are text already. Sentences are
whole, since languages order words differently. `hubbub.language.numbers`, `dates` and `wording`
format values; their patterns are messages too, so that a language is one file:
catalogues/NAME.po, with the NAME.mo that docs/make_catalogues.py makes of it.
"""

from __future__ import annotations

from hubbub.language.catalogue import (
    ENGLISH,
    N_,
    _,
    current_language,
    in_english,
    languages,
    pgettext,
    use_language,
)
from hubbub.language.plurals import ngettext, npgettext

__all__ = [
    "ENGLISH",
    "N_",
    "_",
    "current_language",
    "in_english",
    "languages",
    "ngettext",
    "npgettext",
    "pgettext",
    "use_language",
]
