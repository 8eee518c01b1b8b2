"""`hubbub plugins new`: write a package with a plugin and its test."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.errors import UsageError

__all__ = ["new"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_FILES: Mapping[str, str] = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "@NAME@"
version = "0.1.0"
description = "A plugin for hubbub."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["hubbub"]

[project.entry-points."hubbub.plugins"]
@NAME@ = "@MODULE@"

[tool.setuptools]
py-modules = ["@MODULE@"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
filterwarnings = ["ignore::DeprecationWarning:ibis"]
""",
    "README.md": """\
# @NAME@

A plugin for hubbub: the query `@MODULE@`, the view `@MODULE@_chart`, and an event handler whose
counts the query `@MODULE@_seen` returns.
```
hubbub --plugins @MODULE@.py query @MODULE@ --since 30d
hubbub --plugins @MODULE@.py chart @MODULE@_chart -o @MODULE@.svg
hubbub serve --plugins @MODULE@.py
```
A server answers at `/query/@MODULE@`, `/view/@MODULE@_chart` and `/query/@MODULE@_seen`.

To install it for every command of hubbub: `pip install .`. To test it: `pip install pytest` once,
then `python -m pytest`.
""",
    "@MODULE@.py": '''\
"""A plugin for hubbub: which topics are busy, and how many events of each have been handled."""

from ibis import _

from hubbub import event_handler, query, view


@query(names_people=False)
def @MODULE@(events, limit: int = 10):
    """Events per topic, the busiest first.

    Args:
        limit: how many topics.
    """
    per_topic = events.group_by("topic").agg(events=_.count())
    return per_topic.order_by(_.events.desc(), "topic").limit(limit)


@view(title="Events per topic", names_people=False)
def @MODULE@_chart(query, chart, since, until):
    """The busiest topics."""
    return chart.bars(query.@MODULE@(since=since, until=until), x="topic", y="events")


@event_handler
def @MODULE@_count(db, events):
    """Count the events of each topic; each event comes here once."""
    counts = db["counts"]
    for event in events:
        topic = event.get("topic") or "none"
        counts[topic] = counts.get(topic, 0) + 1


@query
def @MODULE@_seen(db):
    """How many events of each topic the handler has counted."""
    return dict(sorted(db["counts"].items()))
''',
    "tests/test_@MODULE@.py": '''\
"""The plugin on a few events, without a bus and without a server."""

import @MODULE@
import pytest

from hubbub.testing import run

EVENTS = [
    {"topic": "chat.line", "users": ["ann"]},
    {"topic": "chat.line", "users": ["bob"]},
    {"topic": "wiki.edit", "users": ["ann"]},
]


@pytest.fixture
def bench():
    with run(plugins=[@MODULE@], events=EVENTS) as bench:
        yield bench


def test_the_query(bench):
    assert bench.query.@MODULE@().data == [
        {"topic": "chat.line", "events": 2},
        {"topic": "wiki.edit", "events": 1},
    ]
    assert len(bench.query.@MODULE@(limit=1).data) == 1


def test_the_view(bench):
    assert "Events per topic" in bench.view.@MODULE@_chart().svg().decode()


def test_the_event_handler(bench):
    assert bench.query.@MODULE@_seen() == {"chat.line": 2, "wiki.edit": 1}
    bench.send({"topic": "wiki.edit", "user": "bob"})
    assert bench.query.@MODULE@_seen() == {"chat.line": 2, "wiki.edit": 2}
''',
}


@common_options
@click.command(name="new")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    metavar="DIR",
    help="Folder in which the package's folder is made. [default: the current one]",
)
@pass_app
def new(app: App, name: str, output: Path) -> None:
    """Write a package with a plugin and its test: a query, a view and an event handler.

    The package is a folder of that name, with a module that --plugins takes, a pyproject.toml that
    names it as a plugin of hubbub, a README and a test. docs/plugins.md goes through it step by
    step.
    """
    app.configure_logging()
    module = _module(name)
    folder = output / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(
            "this exists already, and is not overwritten",
            where=str(folder),
            hint="choose another name, or another folder with -o",
        ) from None
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(folder)) from None
    from hubbub.store.disk.files import replace_file

    for path, text in _FILES.items():
        file = folder / _filled(path, name, module)
        file.parent.mkdir(exist_ok=True)
        replace_file(file, _filled(text, name, module).encode())
    click.echo(f"{folder}: try `cd {folder} && python -m pytest`", err=True)


def _module(name: str) -> str:
    """Return the name of the module for a package.

    Raises:
        UsageError: a package cannot have this name.
    """
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name) or not module.isidentifier():
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a package",
            hint="use lower-case letters, digits, - and _, the first a letter; 40 at most",
        )
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module == "hubbub":
        raise UsageError(
            f"{name!r} is the name of something else in Python",
            hint=f"choose another one, for example {name}-stats",
        )
    return module


def _filled(text: str, name: str, module: str) -> str:
    return text.replace("@NAME@", name).replace("@MODULE@", module)
