"""Help texts of every command; the list of commands imports none of them."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from hubbub.cli.root import COMMANDS, cli
from tests.support.commandline import Run

HEAVY = ("ibis", "duckdb", "pyarrow", "deltalake", "pygal", "requests", "numpy", "rich", "zmq")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(hubbub: Run, name: str) -> None:
    result = hubbub(name, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: hubbub {name}")
    for option in ("--store PATH", "--config FILE", "--plugins FILE.py", "--log-format", "-v,"):
        assert option in result.out, f"{name} does not take {option}"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_listed_line_and_the_command_agree(name: str) -> None:
    with click.Context(cli) as ctx:
        command = cli.get_command(ctx, name)
    assert command is not None
    assert command.name == name
    assert command.help
    assert COMMANDS[name].help.endswith(".")


def test_help_lists_every_command(hubbub: Run) -> None:
    result = hubbub("--help")
    assert result.code == 0
    for name, lazy in COMMANDS.items():
        assert f"  {name}" in result.out
        assert lazy.help in result.out


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from hubbub.cli.root import execute; code = execute(['--help'])\n"
        f"loaded = [m for m in {HEAVY} if m in sys.modules]\n"
        "sys.exit(f'loaded {loaded}' if loaded or code else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "Usage: hubbub" in result.stdout


def test_without_a_command_help_is_shown(hubbub: Run) -> None:
    result = hubbub()
    assert result.code == 0
    assert "Commands:" in result.out


def test_query_help_shows_docstring_and_defaults(hubbub: Run) -> None:
    result = hubbub("query", "longtail", "--help")
    assert "evenly" in result.out
    assert "[default: 24h]" in result.out
    for option in ("--since", "--until", "--not-user", "--by", "--no-bots", "--format", "--json"):
        assert option in result.out


def test_query_help_lists_every_query(hubbub: Run) -> None:
    result = hubbub("query", "--help")
    for name in ("longtail", "tail", "radar", "diff", "volume", "users", "objects"):
        assert f"\n  {name} " in result.out


def test_shell_completion_knows_queries_and_choices(tmp_path: Path) -> None:
    def complete(words: str, at: int) -> str:
        result = subprocess.run(
            [sys.executable, "-c", "from hubbub.cli import main; main()"],
            env={"_HUBBUB_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at),
                 "PATH": "", "HOME": str(tmp_path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return result.stdout

    assert "plain,longtail" in complete("hubbub query long", 2)
    assert "plain,agent" in complete("hubbub query longtail --by ", 4)
