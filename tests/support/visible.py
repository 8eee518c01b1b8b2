"""What a reader sees or hears of a page: its texts, and those of attributes."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["visible"]

#: Attributes that are read: descriptions, names of regions, code's label, what a search shows.
_READ = ("alt", "aria-label", "title", "placeholder")
#: Elements whose texts nobody reads, or that hold code or data.
_SKIPPED = frozenset({"style", "script", "textarea", "td"})
#: Elements that are parts of a line.
_INLINE = frozenset({"a", "b", "img", "span", "strong"})
_DESCRIBED = frozenset({"description", "og:title", "og:description", "og:image:alt"})


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._line = ""
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [given[name] for name in _READ if name in given]
        if tag == "meta" and given.get("name", given.get("property")) in _DESCRIBED:
            self.found.append(given["content"])
        data = tag in _SKIPPED or given.get("scope") == "row"
        self._skipped += bool(data or (self._skipped and tag == "th"))
        if tag not in _INLINE:
            self.end_of_line()

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and (tag in _SKIPPED or tag == "th"):
            self._skipped -= 1
        if tag not in _INLINE:
            self.end_of_line()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._line += data

    def end_of_line(self) -> None:
        if line := " ".join(self._line.split()):
            self.found.append(line)
        self._line = ""


def visible(page: str) -> list[str]:
    """Return the lines and attributes that readers see or hear, without cells and code."""
    parser = _Page()
    parser.feed(page)
    parser.end_of_line()
    return parser.found
