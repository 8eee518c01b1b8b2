"""Requests of the history client, and the responses that tests give it."""

import json
from typing import Any

import pytest

from hubbub.collector.history.client import History
from hubbub.errors import SourceError
from tests.support.history.fake_history import T0, message


def page(*rows, **fields):
    content = {"raw_messages": list(rows), "total": len(rows), "pages": 1, "count": len(rows)}
    return json.dumps({**content, **fields})


ONE_ROW = page(message(1, "a")[1])


def request(history: History, **options: Any) -> Any:
    """Request a window of 100 seconds."""
    return history.window(T0, T0 + 100, **options)


def error_of(history, words, hint=""):
    """Return the error that a request raises, after checking its parts."""
    with pytest.raises(SourceError, match=words) as caught:
        request(history)
    assert caught.value.exit_code == 4
    assert caught.value.where.startswith("http")
    assert caught.value.hint
    assert hint in caught.value.hint
    return caught.value
