"""The options of `listen --backfill`."""

import pytest

from hubbub.cli.options.backfill import categories
from tests.support.commandline import Run

NOWHERE = "tcp://127.0.0.1:9"


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        ((), ()),
        (("org.fedoraproject.prod.git.",), ("git",)),
        (("org.fedoraproject.prod.wiki.article", "org.fedoraproject.stg.git."), ("git", "wiki")),
        (("org.fedoraproject.prod.",), None),
        (("org.fedoraproject.prod.gi",), None),
        (("org.fedoraproject.prod.git.", "org"), None),
    ],
)
def test_categories_that_topics_are_limited_to(topics, expected):
    assert categories(topics) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--backfill", "ftp://history"), "not the address of a history service"),
        (("--backfill", "http://h", "--topic", "org.fedoraproject.prod."), "whole categories"),
        (("--backfill", "http://h", "--settle", "soon"), "not a duration"),
    ],
)
def test_invalid_options(hubbub: Run, tmp_path, options, message):
    done = hubbub("listen", "--store", tmp_path / "s", "--zmq", NOWHERE, *options)
    assert done.code == 2
    assert message in done.err
