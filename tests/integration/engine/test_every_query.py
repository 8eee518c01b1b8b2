"""Every built-in query gives the same answer on another engine as on the built-in one."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.registry.builtins import QUERIES
from hubbub.run.runner import Runner
from hubbub.store import Store
from tests.support.engines import REQUIRED
from tests.support.stores.varied_store import DAYS, START

DAY = timedelta(days=1)
#: Parameters of queries, where they need some or take another way with them.
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "alerts": {"short": 2, "long": 5, "resolution": "6h", "averages": 10},
    "cohorts": {"window": "14d"},
    "daily_metrics": {"accounts": "later"},
    "diff": {"per": "week"},
    "event_activity": {"from_": START + 30 * DAY, "to": START + 34 * DAY},
    "health": {"window": "21d"},
    "longtail": {"window": "3d", "step": "12h", "interval": True},
    "material_usage": {"accounts": "later"},
    "overload": {"people": True, "recent": "14d"},
    "recipients": {"top": 3},
    "traffic": {"period": "6h"},
    "users_per_object": {"frames": 5},
    "what_if": {"without": ["ann", "d*"]},
}
_CUT = {"since": START + 9.3 * DAY, "until": START + (DAYS - 4.6) * DAY, "bots": False}
_FILTERS = {
    "topic": ["*git*", "notebook.access", "http.*"],
    "object": ["p[12]*", "b*", "/*"],
    "not_user": ["cy"],
    "tz": "America/St_Johns",
}
#: The store, and the common options.
WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "as it is": ("plain", {"bots": True}),
    "cut": ("plain", _CUT),
    "filtered": ("plain", _FILTERS),
    "merged": ("merged", {"bots": False}),
    "merged and cut": ("merged", _CUT),
}
#: Stored days cannot be filtered.
UNFILTERED = {"usage"}
QUICK = ("as it is", "merged and cut")
#: `make test-spark` runs everything, `make test` what takes seconds.
CASES = [
    (name, way)
    for name in sorted(QUERIES)
    for way in WAYS
    if ("spark" in REQUIRED or way in QUICK or name in {"volume", "users"})
    and not (way == "filtered" and name in UNFILTERED)
]


def answer(store: Store, name: str, common: Mapping[str, Any], organisations: Path) -> Any:
    """Return the whole answer of a query, with what it says of people."""
    runner = Runner(store, affiliations=organisations)
    result = runner.query(name, **PARAMETERS.get(name, {}), **common)
    return result, runner.notes


@pytest.fixture(scope="module")
def organisations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("who") / "who.csv"
    file.write_text(
        "account,organisation,from,to\nann,A,2025-12-10,2026-01-05\nbob,A,2026-01-05,\ncy,B,,\n"
    )
    return file


@pytest.mark.parametrize(("name", "way"), CASES)
def test_the_same_answer(name: str, way: str, stores: Any, organisations: Path) -> None:
    which, common = WAYS[way]
    expected, answered = (
        answer(stores[which, other], name, common, organisations) for other in (False, True)
    )
    assert answered == expected
