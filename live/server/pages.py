"""The frame of the server's pages. Everything that a message can contain is escaped.

Pages load nothing from elsewhere and work without a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["STYLE_PATH", "anchor", "answer", "link", "page"]

STYLE_PATH = "/static/page.css"
SCRIPT_PATHS = ("/static/page.js", "/static/copy.js")
ICON_PATH = "/static/icon.svg"


def link(request: Request, path: str) -> str:
    """Return the address of a path, with the prefix of a proxy before it, escaped for HTML."""
    root = str(request.scope.get("root_path", "")).rstrip("/")
    return escape(root + path)


def anchor(request: Request, path: str, text: str) -> str:
    """Return a link to a path of the server; `text` is plain."""
    return f'<a href="{link(request, path)}">{escape(text)}</a>'


def page(
    request: Request,
    title: str,
    body: str,
    *,
    head: str = "",
    body_class: str = "",
    frame: bool = True,
) -> str:
    """Return a whole page.

    Args:
        request: whose prefix the links get.
        title: plain text.
        body: HTML.
        head: HTML for the head: links to feeds, refresh, ….
        body_class: classes of the body.
        frame: whether it has a header with links; a page in a frame of another one has none.
    """
    links = (
        ("/overview", "Overview"),
        ("/explore", "Explore"),
        ("/usage", "Usage"),
        ("/alerts", "Alerts"),
        ("/schema?f=html", "Functions"),
        ("/login", "Log in"),
    )
    navigation = " ".join(f'<a href="{link(request, path)}">{name}</a>' for path, name in links)
    home = f'<a href="{link(request, "/")}"><b>hubbub</b></a>'
    header = f"<header><nav>{home} {navigation}</nav></header>\n" if frame else ""
    skip = '<a class="skip" href="#content">Skip to the content</a>\n' if frame else ""
    root = escape(str(request.scope.get("root_path", "")).rstrip("/"))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)} · hubbub</title>\n"
        f'<link rel="icon" type="image/svg+xml" href="{link(request, ICON_PATH)}">\n'
        f'<link rel="stylesheet" href="{link(request, STYLE_PATH)}">\n{head}</head>\n'
        f'<body class="{escape(body_class)}" data-root="{root}">\n{skip}{header}'
        f'<main id="content" tabindex="-1">\n{body}\n</main>\n</body>\n</html>\n'
    )


def answer(
    request: Request,
    title: str,
    body: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a page as an answer.

    Args:
        request: whose prefix the links get.
        title: plain text.
        body: HTML.
        status: of the answer.
        headers: of the answer, besides the usual ones.
    """
    scripts = "".join(
        f'<script src="{link(request, path)}" defer></script>\n' for path in SCRIPT_PATHS
    )
    return Response(
        page(request, title, body, head=scripts),
        status,
        headers={"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}
        | dict(headers or {}),
        media_type="text/html; charset=utf-8",
    )
