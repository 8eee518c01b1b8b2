"""The documentation matches the program."""

import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import click
import pytest

import hubbub
from hubbub.analyzers.evenness.metrics import Evenness
from hubbub.cli.root import COMMANDS, cli
from hubbub.plugins import load_builtins
from hubbub.registry import INJECTED, REGISTRY
from hubbub.run.objects.catalogue import catalogue
from tests.support import paths
from tests.support.charts.svg_faults import faults

ROOT = paths.ROOT
METRICS = [p for p in sorted((ROOT / "docs" / "metrics").glob("*.md")) if p.name != "README.md"]


@pytest.mark.parametrize(
    "script",
    ["make_reference.py", "make_configuration.py", "make_readings.py", "make_plugin_reference.py"],
)
def test_the_references_are_up_to_date(script: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "docs" / script), "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_examples_are_printed_as_they_are() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text()
    for name in ("karma.py", "tally.py"):
        assert f"```python\n{(ROOT / 'examples' / name).read_text()}```" in page
    assert f"```python\n# thanks.py\n{(ROOT / 'examples' / 'thanks.py').read_text()}```" in page
    jobs = (ROOT / "docs" / "jobs.md").read_text()
    assert f"```python\n{(ROOT / 'examples' / 'builds.py').read_text()}```" in jobs


def test_every_injected_object_is_documented() -> None:
    assert catalogue().keys() == INJECTED
    page = (ROOT / "docs" / "plugin-reference.md").read_text()
    assert {name for name in INJECTED if f"| `{name}` |" in page} == INJECTED


def test_every_public_name_is_documented() -> None:
    page = (ROOT / "docs" / "plugin-reference.md").read_text()
    names = {*hubbub.__all__, "run", "Bench"} - {"__version__"}
    assert {name for name in names if f"\n### {name}\n" in page} == names


def test_every_query_and_number_has_its_page() -> None:
    load_builtins()
    pages = [p for p in (ROOT / "docs").rglob("*.md") if p.name not in {"commands.md", "design.md"}]
    text = "\n".join(page.read_text() for page in pages)
    numbers = {field.name for field in fields(Evenness)} - {"n", "total", "head", "tail", "mean"}
    built_in = {n for n, f in REGISTRY.queries.items() if f.module.startswith("hubbub.")}
    assert built_in
    for name in {*built_in, *numbers}:
        mentions = f"`{name}`", f"hubbub query {name}", name.replace("_", " ").capitalize()
        assert any(words in text for words in mentions), name


def test_every_page_of_the_metrics_has_its_sections() -> None:
    linked = (ROOT / "docs" / "metrics" / "README.md").read_text()
    for page in METRICS:
        assert f"({page.name})" in linked
        for part in ("What it answers", "How to read it", "When not to trust it", "Formula"):
            assert f"**{part}.**" in page.read_text(), f"{page.name}: {part}"


def test_every_query_is_shown_on_a_page_of_the_metrics() -> None:
    load_builtins()
    pages = "\n".join(page.read_text() for page in METRICS)
    builtin = {n for n, q in REGISTRY.queries.items() if q.module.startswith("hubbub.analyzers.")}
    assert len(builtin) > 25
    assert [name for name in sorted(builtin) if f"\nhubbub query {name}" not in pages] == []


@pytest.mark.parametrize("page", METRICS, ids=lambda p: p.stem)
def test_every_page_of_the_metrics_has_a_picture(page: Path) -> None:
    [picture] = re.findall(r"!\[Example: [^]]+\]\(([^)]+\.svg)\)", page.read_text())
    svg = (page.parent / picture).read_bytes()
    assert faults(svg) == []
    assert len(svg) <= 40_000
    for machine in (ROOT, tempfile.gettempdir()):
        assert str(machine).encode() not in svg


def test_every_view_of_the_examples_has_its_picture() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "make_metrics.py"), "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


def shown() -> list[str]:
    names = ("accounts", "gallery/README", "getting-started", "jobs", "plugins", "publish")
    pages = [*(ROOT / "docs" / f"{name}.md" for name in (*names, "signatures")), ROOT / "README.md"]
    pages += sorted((ROOT / "docs" / "metrics").glob("*.md"))
    blocks = [block for page in pages for block in page.read_text().split("```")[1::2]]
    lines = {line.strip() for block in blocks for line in block.splitlines()[1:]}
    return sorted(line for line in lines if line.startswith("hubbub "))


@pytest.mark.parametrize("line", shown())
def test_every_shown_command_line_parses(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: None
) -> None:
    """Parses, without running it: names, options and choices exist."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    words = shlex.split(line.partition("#")[0].partition(">")[0].removesuffix("&").strip())[1:]
    words = [str(ROOT / "examples" / w) if w.endswith(".py") else w for w in words]
    with cli.make_context("hubbub", words) as ctx:
        name, command, rest = cli.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        assert name in COMMANDS
        assert command is not None
        with command.make_context(name, list(rest), parent=ctx) as inner:
            if isinstance(command, click.Group):
                words = [*inner._protected_args, *inner.args]
                function, leaf, rest = command.resolve_command(inner, words)
                assert leaf is not None
                leaf.make_context(function, list(rest), parent=inner).close()
