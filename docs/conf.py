"""Settings of the documentation site: `make site` builds it into build/site."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "hubbub"
release = version = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["shortcodes/**"]
html_theme = "furo"
html_title = "hubbub"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
myst_heading_anchors = 4
nitpicky = True

#: Pages of the repository's top folder, by their page of the site.
POLICIES = {
    "PRIVACY": "privacy",
    "SECURITY": "security",
    "CHANGELOG": "changes",
    "CONTRIBUTING": "contributing",
}
#: Pages that list the pages of a folder: GitHub shows them as they are, the site needs a toctree.
LISTS = {"metrics/README": "*", "sources": "sources/*"}
_POLICY = re.compile(rf"\]\((?:\.\./)+({'|'.join(POLICIES)})\.md((?:#[\w-]+)?)\)")


def adapt(_app: "Sphinx", name: str, source: list[str]) -> None:
    """Let links to the top folder's pages lead to those of the site; add lists of pages."""
    up = "../" * name.count("/")
    text = _POLICY.sub(lambda m: f"]({up}{POLICIES[m[1]]}.md{m[2]})", source[0])
    if name in LISTS:
        text += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{LISTS[name]}\n```\n"
    source[0] = text


def setup(app: "Sphinx") -> None:
    """Register the adaptation with Sphinx."""
    app.connect("source-read", adapt)
    assert all((Path(app.srcdir).parent / f"{page}.md").exists() for page in POLICIES)
