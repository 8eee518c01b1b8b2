"""The units in deploy/: systemd accepts every line, and rates the services' exposure low."""

from pathlib import Path

import pytest

from tests.deploy.units import DEPLOY, exposure, faults

#: The highest rating of each service, of 10; below 1 systemd calls it SAFE, below 4 OK.
SERVICES = {"hubbub-listen.service": 2.0, "hubbub-serve.service": 2.0, "hubbub-jobs.service": 1.0}

pytestmark = pytest.mark.service("systemd")


def test_all_services_are_listed() -> None:
    assert {path.name for path in DEPLOY.glob("*.service")} == SERVICES.keys()


def test_systemd_accepts_every_line(tmp_path: Path) -> None:
    names = [path.name for path in DEPLOY.iterdir() if path.suffix in {".service", ".timer"}]
    assert faults(names, tmp_path) == []


def test_systemd_is_asked(tmp_path: Path) -> None:
    """A unit that is wrong is reported."""
    (tmp_path / "copies").mkdir()
    wrong = tmp_path / "hubbub-wrong.service"
    wrong.write_text("[Service]\nExecStart=/opt/hubbub/bin/hubbub\nNoSuchKey=1\n")
    assert "NoSuchKey" in faults([str(wrong)], tmp_path / "copies")[0]


@pytest.mark.parametrize(("name", "most"), SERVICES.items())
def test_systemd_rates_the_exposure_low(name: str, most: float) -> None:
    assert exposure(name) < most
