"""The content type of an answer: by suffix, then by parameter, then by the header Accept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request

from hubbub.errors import UsageError

__all__ = ["PICTURE_FORMS", "QUERY_FORMS", "VIEW_FORMS", "choose", "prefers_html", "split_suffix"]

#: Encodings of queries by media type; the order breaks ties.
QUERY_FORMS: Mapping[str, str] = {
    "application/json": "json",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "text",
    "application/x-ndjson": "jsonl",
    "application/vnd.apache.parquet": "parquet",
}
#: Encodings of pictures by media type.
PICTURE_FORMS: Mapping[str, str] = {
    "image/svg+xml": "svg",
    "text/html": "html",
    "image/png": "png",
}
#: Encodings of views: pictures, and the rows behind them.
VIEW_FORMS: Mapping[str, str] = {
    **PICTURE_FORMS,
    "text/csv": "csv",
    "application/json": "json",
}
_SUFFIXES = {"txt": "text"}
_MAX_ACCEPT = 2_000  # characters of the header that are read
_MAX_RANGES = 40


def split_suffix(name: str, forms: Mapping[str, str]) -> tuple[str, str | None]:
    """Split `tail.svg` into the name and the encoding; None without a known suffix."""
    stem, dot, suffix = name.rpartition(".")
    form = _SUFFIXES.get(suffix, suffix)
    return (stem, form) if dot and stem and form in forms.values() else (name, None)


def choose(
    forms: Mapping[str, str], *, suffix: str | None = None, parameter: str = "", accept: str = ""
) -> str:
    """Return the encoding of an answer; the first of `forms` where nothing else is asked for.

    Args:
        forms: the possible encodings by media type.
        suffix: the encoding that the address names.
        parameter: the value of the parameter `content_type`; empty if there is none.
        accept: the header; one that cannot be read, or accepts nothing of `forms`, does not count.

    Raises:
        UsageError: the parameter names no encoding.
    """
    if suffix is not None:
        return suffix
    wanted = parameter.strip().lower()
    if wanted:
        wanted = forms.get(wanted, _SUFFIXES.get(wanted, wanted))
        if wanted not in forms.values():
            raise UsageError(
                f"content_type cannot be {parameter[:80]!r}",
                hint=f"there are: {', '.join(forms.values())}",
            )
        return wanted
    return _by_accept(forms, accept) or next(iter(forms.values()))


def _by_accept(forms: Mapping[str, str], accept: str) -> str | None:
    """Return the encoding with the highest quality; of equal ones the first, exact before `*`."""
    ranges = _media_ranges(accept)
    best: tuple[float, int, int] | None = None
    chosen = None
    for position, (media_type, form) in enumerate(forms.items()):
        quality, specificity, order = _quality(media_type, ranges)
        rank = (quality, specificity, -order if specificity == 2 else -position)  # noqa: PLR2004
        if quality > 0 and (best is None or rank > best):
            best, chosen = rank, form
    return chosen


def _media_ranges(accept: str) -> list[tuple[str, float]]:
    """Parse the header: media ranges and their quality; unreadable ones are left out."""
    ranges = []
    for item in accept[:_MAX_ACCEPT].split(",")[:_MAX_RANGES]:
        media_range, *parameters = (part.strip().lower() for part in item.split(";"))
        if media_range.count("/") != 1:
            continue
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        ranges.append((media_range, quality))
    return ranges


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int, int]:
    """Return quality, specificity (0 to 2) and position of the range that fits best."""
    kind = media_type.partition("/")[0]
    fitting = []
    for position, (media_range, quality) in enumerate(ranges):
        if media_range == media_type:
            fitting.append((2, -position, quality))
        elif media_range == f"{kind}/*":
            fitting.append((1, -position, quality))
        elif media_range == "*/*":
            fitting.append((0, -position, quality))
    if not fitting:
        return 0.0, 0, 0
    specificity, position, quality = max(fitting)
    return quality, specificity, -position


def prefers_html(request: Request) -> bool:
    """Whether the client is a browser: its header accepts HTML rather than JSON."""
    forms = {"application/json": "json", "text/html": "html"}
    return choose(forms, accept=request.headers.get("accept", "")) == "html"
