"""hubbub runs with its declared dependencies only, without packages installed for the tests."""

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import paths

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
ALONE = """
import sys
hidden = set(sys.argv[1].split(","))
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
sys.argv[1:] = sys.argv[2:]
from tests.support import paths
from hubbub.cli import main
main()
"""


def declared() -> set[str]:
    """Return the distributions that the project requires, transitively, without its extras."""
    waiting = [(Requirement(line), "") for line in PROJECT["dependencies"]]
    collected = set()
    while waiting:
        needed, extra = waiting.pop()
        if needed.marker is not None and not needed.marker.evaluate({"extra": extra}):
            continue
        for wanted_extra in {"", *needed.extras}:
            if (needed.name, wanted_extra) in collected:
                continue
            collected.add((needed.name, wanted_extra))
            try:
                lines = distribution(needed.name).requires or []
            except PackageNotFoundError:
                continue
            waiting += [(Requirement(line), wanted_extra) for line in lines]
    return {canonicalize_name(name) for name, _ in collected}


def test_a_query_and_a_chart_need_only_declared_dependencies(tmp_path: Path) -> None:
    required = declared() | {"hubbub"}
    hidden = {
        top
        for top, dists in packages_distributions().items()
        if not required & {canonicalize_name(dist) for dist in dists}
    }
    assert {"pytest", "hypothesis"} <= hidden
    events = tmp_path / "events.jsonl"
    events.write_text(
        '{"id": "1", "timestamp": 1767225600, "topic": "org.x.y.z", "users": ["u"]}\n'
    )
    for words in (["import", str(events), "--format", "jsonl"],
                  ["query", "users", "--format", "csv"],
                  ["chart", "tail", "-o", str(tmp_path / "tail.svg")]):  # fmt: skip
        command = [sys.executable, "-c", ALONE, ",".join(hidden), *words]
        ran = subprocess.run(
            [*command, "--store", str(tmp_path / "s")], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "tail.svg").stat().st_size > 0
