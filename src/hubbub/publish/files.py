"""All files of a site, from what was drawn and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from hubbub.language import _
from hubbub.publish import data_page, explore_page, overview, pages, view_page
from hubbub.publish.explorer import Explorer
from hubbub.publish.pictures import Missing, Picture
from hubbub.publish.settings import Settings
from hubbub.publish.tables import Table, csv_bytes, json_bytes, parquet_bytes

__all__ = ["MOST_JSON", "Content", "all_files"]

#: Bytes of a JSON file; a larger one is left out, since CSV and Parquet have the same rows.
MOST_JSON = 4_000_000
_STATIC = {
    "hubbub.publish": (
        "site.css", "site.js", "explore.js", "hyparquet.js", "hyparquet.LICENSE.txt", "icon.svg",
    ),
    "hubbub.sharing": ("copy.js",),
}  # fmt: skip
_SCRIPTS = ("static/site.js", "static/copy.js")


@dataclass(frozen=True, slots=True)
class Content:
    """What a site consists of.

    Attributes:
        settings: of the site.
        span: the range of the pictures in words.
        pictures: in the order of the pages.
        missing: views that were not drawn.
        explorer: the tables of the explorer.
        feed: Atom.
    """

    settings: Settings
    span: str
    pictures: Sequence[Picture]
    missing: Sequence[Missing]
    explorer: Explorer
    feed: bytes

    @property
    def tables(self) -> list[Table]:
        """All tables, those of the explorer first."""
        return [*self.explorer.tables, *(picture.table for picture in self.pictures)]


def all_files(content: Content) -> dict[str, bytes]:
    """Return the bytes of each file by its path in the site, sorted by path."""
    files: dict[str, bytes] = {}
    for package, names in _STATIC.items():
        static = resources.files(package).joinpath("static")
        files |= {f"static/{name}": static.joinpath(name).read_bytes() for name in names}
    for picture in content.pictures:
        files[f"views/{picture.name}.svg"] = picture.drawing.svg()
        files[f"badges/{picture.name}.svg"] = picture.badge
        if picture.card:
            files[f"cards/{picture.name}.png"] = picture.card
    for table in content.tables:
        files[f"data/{table.name}.csv"] = csv_bytes(table)
        encoded = json_bytes(table)
        if len(encoded) <= MOST_JSON:
            files[f"data/{table.name}.json"] = encoded
        files[f"data/{table.name}.parquet"] = parquet_bytes(table)
    for table in content.explorer.tables:
        packed = files[f"data/{table.name}.parquet"]
        files[f"data/{table.name}.parquet.js"] = explore_page.as_script(table.name, packed)
    files["datapackage.json"] = data_page.package(content.settings, content.tables, files)
    files["feed.atom"] = content.feed
    files[".nojekyll"] = b""  # GitHub Pages serves the files as they are
    files |= _main_pages(content, files) | _view_pages(content, files)
    return dict(sorted(files.items()))


def _main_pages(content: Content, files: Mapping[str, bytes]) -> dict[str, bytes]:
    settings, pictures, found = content.settings, content.pictures, content.explorer
    lead = overview.description(pictures, content.span)
    card = next((_card(picture) for picture in pictures if picture.card), "")
    least = 0 if settings.names else settings.least
    written = {
        "index.html": pages.page(
            settings,
            pages.Head(settings.title, "index.html", lead, card),
            overview.body(settings, pictures, content.missing, content.span, _facts(content)),
        ),
        "data.html": pages.page(
            settings,
            pages.Head(_("The data"), "data.html", _("Tables to download.")),
            data_page.body(settings, content.tables, files),
        ),
        "explore.html": pages.page(
            settings,
            pages.Head(
                _("Explore"), "explore.html", _("Messages and people by time and topic."), card
            ),
            explore_page.body(found, files, least=least),
            scripts=explore_page.SCRIPTS,
        ),
    }
    return {path: text.encode() for path, text in written.items()}


def _facts(content: Content) -> Mapping[str, object]:
    """Return the metadata of the pictures' range."""
    first = next(iter(content.pictures), None)
    return content.explorer.topics.facts if first is None else first.drawing.metadata


def _card(picture: Picture) -> str:
    return f"cards/{picture.name}.png" if picture.card else ""


def _view_pages(content: Content, files: Mapping[str, bytes]) -> dict[str, bytes]:
    settings, written = content.settings, {}
    for picture in content.pictures:
        path, extra = f"views/{picture.name}.html", ""
        if settings.url:
            written[f"views/{picture.name}.oembed.json"] = view_page.oembed(settings, picture)
            extra = (
                '<link rel="alternate" type="application/json+oembed" '
                f'href="{settings.url}views/{picture.name}.oembed.json">\n'
            )
        head = pages.Head(
            title=picture.label,
            path=path,
            description=_("{finding}, {range}.", finding=picture.drawing.title, range=content.span),
            image=_card(picture),
            extra=extra,
        )
        body = view_page.body(settings, picture, files)
        written[path] = pages.page(settings, head, body, scripts=_SCRIPTS).encode()
    return written
