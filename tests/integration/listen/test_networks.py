"""`hubbub listen` where the network is at fault, in network namespaces of its own."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.service("namespaces")


class Scene:
    """A running scene of network_scenes.py."""

    def __init__(self, scene, folder, argument):
        folder.mkdir()
        command = [
            "unshare", "-n", "-m", sys.executable, "-m", "tests.integration.listen.network_scenes",
            scene, str(folder), argument,
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def result(self):
        """Wait for the end, which must be a success; return what it found."""
        out, err = self.process.communicate(timeout=250)
        assert self.process.returncode == 0, err
        return json.loads(out)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """All scenes, at the same time: they wait for a minute, each in a namespace of its own."""
    folder = tmp_path_factory.mktemp("scenes")
    running = {
        "power": Scene("away", folder / "power", "power"),
        "cut": Scene("away", folder / "cut", "cut"),
        "ipv6": Scene("only_ipv6", folder / "ipv6", "bus.example.org"),
    }
    yield running
    for scene in running.values():
        with scene.process:
            scene.process.kill()


def test_a_publisher_whose_name_has_only_an_ipv6_address(scenes):
    assert scenes["ipv6"].result() == {"exit": 0, "stored": 10}


@pytest.mark.parametrize("how", ["power", "cut"])
def test_what_is_lost_with_a_connection_lies_in_a_gap(scenes, how):
    """A machine that lost power and a cut network close no connection."""
    result = scenes[how].result()
    assert result["exit"] == 0
    assert result["lost"] > 0
    assert result["hidden"] == 0, result["spans"]
    assert "heard" in {proof for _, proof, _ in result["spans"]}
