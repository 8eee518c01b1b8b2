"""Options of event handlers, and a store that cannot be written."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hubbub.live.server.events.service import Events
from hubbub.live.server.failures import HttpError
from hubbub.registry import Registry
from hubbub.store import Store
from tests.live.server.events.host import InProcess, registry_of
from tests.live.server.events.test_dispatcher import count, kept, with_events


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Store.open(tmp_path / "s").close()
    return tmp_path / "s"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [3]),
        ({"batch": True}, [3]),
        ({"batch": False}, [1, 1, 1]),
        ({"batch": 2}, [2, 1]),
        ({"per_user": True}, [2, 1]),
        ({"per_resource": True}, [1, 2]),
        ({"single_process": True}, [3]),
        ({"source_queue": ("video",)}, [2]),
        ({"source_queue": ("vid*", "none")}, [2]),
        ({"source_queue": ("http.event",)}, [1]),
        ({"source_queue": ("vide",)}, []),
    ],
)
def test_options(folder: Path, options: dict[str, Any], expected: list[int]) -> None:
    registry: Registry = registry_of(count, **options)

    async def act(events: Events) -> None:
        await events.accept(
            [
                {"n": 1, "user": "ann", "topic": "video", "objects": ["a", "b"]},
                {"n": 2, "user": "bob", "topic": "video.seek", "object": "c"},
                {"n": 3, "user": "ann", "object": "c"},
            ]
        )

    with_events(folder, InProcess(folder, registry), act)
    assert kept(folder, "batches") == expected


def test_a_store_that_cannot_be_written_takes_no_events(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.store.store.is_writable", lambda *_: False)

    async def act(events: Events) -> None:
        with pytest.raises(HttpError, match="cannot be written"):
            await events.accept([{"n": 1}])

    with_events(folder, InProcess(folder, registry_of(count)), act)
    assert not (folder / "journal.sqlite").exists()


def test_a_handler_that_is_not_there_any_more_keeps_its_events(folder: Path) -> None:
    registry = registry_of(count)
    host = InProcess(folder, registry)

    async def act(events: Events) -> None:
        await events.accept([{"n": 1}])
        gone = registry.event_handlers.pop("m:count")
        accepting = asyncio.ensure_future(events.accept([{"n": 2}]))
        await asyncio.sleep(0.5)
        assert kept(folder) == [1]
        registry.event_handlers["m:count"] = gone
        await accepting

    with_events(folder, host, act)
    assert kept(folder) == [1, 2]
