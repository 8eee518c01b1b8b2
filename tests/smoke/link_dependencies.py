"""Link what a distribution asks for from the environment of this interpreter into another one.

    python link_dependencies.py SITE_PACKAGES NAME

What happens to lie beside a dependency for the tests must not hide that one is not named.
"""

import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement


def main(new: Path, root: str) -> None:
    """Link them."""
    asked, seen = [(root, "")], set()
    while asked:
        name, extra = asked.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        own = name == root
        dist = next(iter(distributions(name=name, path=[str(new)]))) if own else distribution(name)
        for line in dist.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                asked += [(needed.name, one) for one in ("", *needed.extras)]
        for top in {file.parts[0] for file in dist.files or ()} - {"..", "__pycache__"}:
            if not (new / top).exists():
                (new / top).symlink_to(str(dist.locate_file(top)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
