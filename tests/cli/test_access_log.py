"""Access logs through the command line: import, traffic, alerts."""

import json
from pathlib import Path

import pytest
from commandline import Run

GOLDEN = Path(__file__).parents[1] / "golden" / "statistician"
EXPECTED = json.loads((GOLDEN / "access.json").read_text())["expected"]


@pytest.fixture
def imported(hubbub: Run, tmp_path: Path) -> Path:
    ran = hubbub("import", GOLDEN / "access.log", "--format", "access-log", "--json",
                 "--store", tmp_path / "store")  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.json["new"] == EXPECTED["accepted"]
    assert ran.json["refused"] == {"malformed": len(EXPECTED["malformed_lines"])}
    return tmp_path / "store"


def test_the_same_log_again_adds_nothing(hubbub: Run, imported: Path) -> None:
    again = hubbub("import", GOLDEN / "access.log", "--format", "access-log", "--json",
                   "--store", imported)  # fmt: skip
    assert (again.json["new"], again.json["known"]) == (0, EXPECTED["accepted"])
