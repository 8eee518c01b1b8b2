"""The distribution hubbub-listen: its project file, and what commands say that need more."""

import importlib.metadata
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from deploy.listen_project import listen_project
from hubbub.cli.installed import LEFT_OUT, missing_package
from hubbub.errors import UsageError
from tests.support.paths import ROOT

TEXT = (ROOT / "pyproject.toml").read_text()
WHOLE = tomllib.loads(TEXT)
LISTEN = tomllib.loads(listen_project(TEXT))


def names(project: dict[str, dict[str, list[str]]]) -> set[str]:
    return {Requirement(line).name for line in project["project"]["dependencies"]}


def test_it_differs_in_name_and_dependencies_alone() -> None:
    assert LISTEN["project"]["name"] == "hubbub-listen"
    assert names(LISTEN) == set(WHOLE["tool"]["hubbub-listen"]["dependencies"])
    assert "optional-dependencies" not in LISTEN["project"]
    for key in ("version", "scripts", "requires-python", "license"):
        assert LISTEN["project"][key] == WHOLE["project"][key]
    assert LISTEN["tool"] == WHOLE["tool"]
    with pytest.raises(ValueError, match="no dependencies of hubbub: nothing"):
        listen_project(TEXT.replace('  "click", "cryptography"', '  "nothing", "cryptography"'))


def test_the_modules_that_are_left_out_are_those_of_the_other_dependencies() -> None:
    left_out = names(WHOLE) - names(LISTEN)
    modules = importlib.metadata.packages_distributions()
    normal = {name.replace("_", "-").lower() for name in left_out}
    assert {module for module, owners in modules.items()
            if normal & {owner.replace("_", "-").lower() for owner in owners}
            and not module.startswith("_")} >= LEFT_OUT  # fmt: skip


def test_an_error_that_a_missing_library_caused() -> None:
    error = UsageError("query failed")
    error.__cause__ = ModuleNotFoundError(name="pyarrow.parquet")
    found = missing_package(error)
    assert found is not None
    assert "pyarrow" in found.what
    assert missing_package(ModuleNotFoundError(name="a_plugins_own")) is None


def test_listening_and_status_import_nothing_that_is_left_out() -> None:
    code = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(LEFT_OUT)!r}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Refuse())
import tempfile
from hubbub.cli.root import execute
folder = tempfile.mkdtemp()
assert execute(["status", "--store", folder, "--json"]) == 0
assert execute(["dead-letters", "list", "--store", folder]) == 0
assert execute(["listen", "--store", folder, "--zmq", "tcp://127.0.0.1:9"]) == 2
import hubbub.cli.commands.collection.load, hubbub.cli.commands.collection.listen_reload
import hubbub.collector.sources.amqp, hubbub.collector.sources.zmq, hubbub.live.monitor
import hubbub.live.vitals, hubbub.store.handover.outgoing
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deltalake, which hubbub needs, is not installed" in done.stderr
