"""Lower bounds of dependencies exclude versions with known faults, and the lock keeps to them."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.paths import ROOT

#: The last version with a published fault, and the fault. Add to it what an audit finds.
BAD = {
    "click": ("8.3.2", "CVE-2026-7246: commands injected by way of click.edit"),
    "cryptography": ("49.0.0", "CVE-2026-69247; before it, CVE-2026-39892 and CVE-2026-26007"),
    "duckdb": ("1.4.1", "CVE-2025-64429: encryption; before it, CVE-2024-41672"),
    "msgpack": ("1.2.0", "CVE-2026-57585: an Unpacker that is used again crashes"),
    "pyarrow": ("23.0.0", "CVE-2026-25087: use after free; before it, CVE-2023-47248"),
    "pyzmq": ("25.1.2", "bundles libzmq before 4.3.5"),
    "requests": ("2.32.5", "CVE-2026-25645: temporary files; before it, CVE-2024-47081"),
    "urllib3": ("2.6.3", "CVE-2026-44431, CVE-2026-44432; before them, CVE-2026-21441"),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = {r.name: r for r in map(Requirement, PROJECT["dependencies"])}


@pytest.mark.parametrize("name", BAD)
def test_no_version_with_a_known_fault_is_allowed(name: str) -> None:
    version, fault = BAD[name]
    assert not DIRECT[name].specifier.contains(version, prereleases=True), fault


@pytest.mark.parametrize("requirement", DIRECT.values(), ids=str)
def test_every_dependency_has_a_lower_bound_that_the_lock_keeps(requirement: Requirement) -> None:
    assert any(s.operator in {">=", "=="} for s in requirement.specifier)
    lock = (ROOT / "requirements.lock").read_text()
    locked = re.search(rf"^{re.escape(requirement.name)}==(\S+)", lock, re.MULTILINE)
    assert locked is not None
    assert requirement.specifier.contains(Version(locked[1]))
