"""Clean, measure, wrap and shorten text, and format numbers and names.

Any input is accepted, also untrusted text. Cleaned text is safe in XML and cannot reorder the text
around it; widths are upper estimates that need no font.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from hubbub.collector.topics import split_topic
from hubbub.language import _, ngettext, periods
from hubbub.language.numbers import amount
from hubbub.language.wording import joined

__all__ = [
    "balanced",
    "clean",
    "fit",
    "in_title",
    "leading",
    "listed",
    "mixed",
    "named",
    "occasions",
    "short_names",
    "width",
    "wrap",
]

_LONGEST = 80  # characters of a name; titles may be longer
_LINE = 620  # px of a title's line that names may take
_MARKS = 3  # combining marks in a row; no script needs more
_FORMAT_KEPT = "\u200c\u200d"  # the joiners, which Persian and emoji need
_SPACES = frozenset(("Zs", "Zl", "Zp"))
_BLANKS = " \u00a0"

# Advance widths of ASCII 32…126 in DejaVu Sans, in thousandths of the font size. It is, with
# Verdana, the widest of the font stack: text in another of its fonts is narrower.
_REGULAR = (
    *(318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337),
    *(636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531),
    *(1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787),
    *(603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500),
    *(500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612),
    *(635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838),
)
_BOLD = 1.14  # bold to regular; 1.12 on average over letters and digits
_MARGIN = 1.03  # for hinting and rounding by the renderer
#: Bonus for a line break after this character, as a share of the line width.
_PAUSES = {";": 1.2, ":": 0.7, ",": 0.35, ".": 0.7}


def clean(text: object, limit: int = _LONGEST) -> str:
    """Return the text on one line, safe for XML, without characters that reorder or hide text.

    Bidi controls, other format characters and C0/C1 controls are removed; unpaired surrogates and
    characters that XML forbids become U+FFFD; of combining marks in a row three are kept; text of
    more than `limit` characters is cut and ends in an ellipsis.
    """
    out: list[str] = []
    marks = 0
    for c in str(text)[: 32 * limit]:  # bounded work for huge inputs
        category = unicodedata.category(c)
        if c == "\u00a0" and out and out[-1] != " ":
            kept = c  # keeps a number and its unit on one line
        elif c in "\t\n\r" or category in _SPACES:
            kept = " "
        elif category == "Cs" or ord(c) & 0xFFFF in (0xFFFE, 0xFFFF) or "\ufdd0" <= c <= "\ufdef":
            kept = "\ufffd"
        elif category == "Cc":
            kept = "\ufffd" if c == "\0" else ""
        elif category == "Cf":
            kept = c if c in _FORMAT_KEPT and out else ""
        else:
            kept = c
        marks = marks + 1 if category in ("Mn", "Me") else 0 if kept else marks
        if kept and marks <= _MARKS and not (kept == " " and (not out or out[-1] in _BLANKS)):
            out.append(kept)
    cleaned = "".join(out).strip()
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1].rstrip() + "…"


def named(name: object) -> str:
    """Clean a name; an empty one becomes `(no name)`."""
    return clean(name) or _("(no name)")


def mixed(text: str) -> bool:
    """Whether the text has letters of a right-to-left script."""
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)


def _em(c: str) -> int:
    code = ord(c)
    if 32 <= code <= 126:  # noqa: PLR2004 (the printable part of ASCII)
        return _REGULAR[code - 32]
    if c == "\u00a0":
        return _REGULAR[0]
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(c) in "WF":
        return 1280 if code > 0x1F000 else 1000  # noqa: PLR2004 (emoji are wider than Han)
    return 1000 if unicodedata.category(c) == "So" or c in "…—" else 840


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in px, estimated upwards for the fonts of the font stack."""
    return sum(map(_em, text)) / 1000 * size * _MARGIN * (_BOLD if bold else 1)


def fit(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return the text, cut with an ellipsis if it is wider than `room` px."""
    if width(text, size, bold=bold) <= room:
        return text
    while text and width(text + "…", size, bold=bold) > room:
        text = text[:-1].rstrip()
    return text + "…"


def balanced(
    text: str, room: float, size: float, *, bold: bool = False, most: int = 2
) -> list[str]:
    """Wrap into at most `most` lines; two lines break at punctuation, more are equally long."""
    lines = wrap(text, room, size, bold=bold, most=most)
    if len(lines) < 2 or lines[-1].endswith("…"):  # noqa: PLR2004 (nothing to balance)
        return lines
    if len(lines) == 2:  # noqa: PLR2004
        return _halves(text.split(" "), room, size, bold=bold) or lines
    tighter = (room * step / 20 for step in range(10, 20))
    tries = (wrap(text, narrow, size, bold=bold, most=most + 1) for narrow in tighter)
    whole = " ".join(lines)  # a long word does not fit each of the narrower lines
    return next((t for t in tries if len(t) == len(lines) and " ".join(t) == whole), lines)


def _halves(words: list[str], room: float, size: float, *, bold: bool) -> list[str]:
    """Return the best break into two lines; empty if none fits."""
    best: tuple[float, list[str]] = (math.inf, [])
    for i in range(1, len(words)):
        pair = [" ".join(words[:i]), " ".join(words[i:])]
        first, second = (width(line, size, bold=bold) for line in pair)
        if max(first, second) <= room:
            cost = abs(first - second) / room - _PAUSES.get(words[i - 1][-1:], 0.0)
            cost += 0.3 if words[i - 1][-1:].isdigit() else 0.0  # "30 January" stays together
            best = min(best, (cost, pair))
    return best[1]


def wrap(text: str, room: float, size: float, *, bold: bool = False, most: int = 2) -> list[str]:
    """Wrap into at most `most` lines of `room` px; the last ends in an ellipsis if text is left."""
    lines: list[str] = []
    words = text.split(" ")
    while words and len(lines) < most:
        line = words.pop(0)
        while words and width(f"{line} {words[0]}", size, bold=bold) <= room:
            line += f" {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] += " " + " ".join(words)
    return [fit(line, room, size, bold=bold) for line in lines if line]


def listed(names: Sequence[str], number: str) -> str:
    """Join at most three names that fit a line of a title; `number` stands for more."""
    words = joined(names) if len(names) <= 3 else ""  # noqa: PLR2004 (names in a title)
    return words if words and width(words, 19, bold=True) <= _LINE else number


def leading(names: Sequence[str], what: str) -> str:
    """State who shares the lead: `a leads with 5`, `a and b lead with 5 each`, `7 lead with …`."""
    who = in_title(names[0]) if len(names) == 1 else listed(names, amount(len(names)))
    return ngettext(
        "{names} leads with {what}",
        "{names} lead with {what} each",
        len(names),
        names=who,
        what=what,
    )


def in_title(name: str, part: float = 1) -> str:
    """Shorten a name so that it takes at most this part of a line of a title."""
    return fit(name, _LINE * part, 19, bold=True)


def occasions(times: int, when: str, unit: str) -> str:
    """State when a value was reached: `when` if once, else `on 3 days`, `in 2 weeks`."""
    return when if times == 1 else periods.times(unit, times)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Map topics to names without prefix: `org.fedoraproject.prod.git.receive` → `git.receive`.

    Topics whose short names would be equal keep their full names. Names are cleaned.
    """
    full = list(dict.fromkeys(names))
    short = [".".join(filter(None, split_topic(name))) for name in full]
    times = Counter(short)
    return {n: named(s if times[s] == 1 else n) for n, s in zip(full, short, strict=True)}
