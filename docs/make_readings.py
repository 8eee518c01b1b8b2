"""Generate charts/report/readings.json: how to read each view, from the pages of docs/metrics.

With `--check` nothing is written, and the exit code is 1 if the file is stale.
"""

import json
import re
import sys
from pathlib import Path

from generated import write_or_check

DOCS = Path(__file__).parent
FILE = DOCS.parent / "charts" / "report" / "readings.json"
_CHART = re.compile(r"^\*\*(In the chart `(\w+)`)\.\*\*", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def part(text: str, name: str) -> str:
    """Return a part of a page as one line of plain text."""
    found = re.search(
        rf"^\*\*{re.escape(name)}\.\*\*(.*?)(?=^\*\*|^```|\Z)", text, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise ValueError(f"there is no part {name!r}")
    plain = _LINK.sub(r"\1", found[1].replace("`", "").replace("**", ""))
    return " ".join(plain.split())


def readings() -> str:
    """Return the texts by view, as JSON."""
    views = {}
    for page in sorted((DOCS / "metrics").glob("*.md")):
        text = page.read_text()
        for title, view in _CHART.findall(text):
            views[view] = {"how": part(text, title), "when": part(text, "When not to trust it")}
    return json.dumps(views, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(FILE, readings(), __doc__))
