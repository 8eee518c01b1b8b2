"""Requests for the same answer are computed once; a client that goes away takes nobody along."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.live.server.answers.cache import Answer, AnswerCache
from hubbub.live.server.failures import HttpError
from hubbub.store import Store
from tests.support.stores.filling import put
from tests.support.stores.small_store import frames, lines

ANSWER = Answer(b"1", "text/plain")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[AnswerCache]:
    with Store.open(tmp_path / "store") as store:
        yield AnswerCache(store)


def test_the_stamp_changes_with_the_events_and_with_the_state(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store, Store.open(tmp_path / "store") as other:
        cache = AnswerCache(store)
        stamps = [cache.stamp()]
        assert cache.stamp() == stamps[0]
        for n in range(3):
            put(other, *frames(lines(10, seed=n)), load=True)
            stamps.append(cache.stamp())
            assert cache.stamp() == stamps[-1]
            assert stamps[-1][0] == store.table.version()
        other.state.set("key", n)
        stamps.append(cache.stamp())
        assert len(set(stamps)) == len(stamps)
        newest = store.table.entries.entry(store.table.version())
        newest.unlink()  # as a repair of a torn log does
        assert cache.stamp()[0] == store.table.version() == stamps[-1][0] - 1


class Work:
    """Computes an answer, or fails with the first errors; counts how often it was asked."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.calls = list(errors), 0

    async def __call__(self) -> Answer:
        self.calls += 1
        await asyncio.sleep(0.02)
        if self.errors:
            raise self.errors.pop(0)
        return ANSWER


def together(call: Callable[[], Awaitable[Answer]], number: int = 5) -> list[object]:
    async def main() -> list[object]:
        return list(await asyncio.gather(*(call() for _ in range(number)), return_exceptions=True))

    return asyncio.run(main())


def test_equal_requests_are_computed_once(cache: AnswerCache) -> None:
    work = Work()
    assert together(lambda: cache.once("key", work)) == [ANSWER] * 5
    assert work.calls == 1
    assert together(lambda: cache.once("key", work), 1) == [ANSWER]
    assert work.calls == 2  # keeping it is what `put` does


def test_other_requests_are_computed_beside(cache: AnswerCache) -> None:
    work, keys = Work(), iter(range(5))
    together(lambda: cache.once(next(keys), work))
    assert work.calls == 5


def test_all_get_the_error_of_a_request(cache: AnswerCache) -> None:
    error = UsageError("no")
    work = Work(error)
    assert together(lambda: cache.once("key", work)) == [error] * 5
    assert work.calls == 1


@pytest.mark.parametrize("left", [HttpError(499, "gone"), asyncio.CancelledError()])
def test_another_computes_it_if_a_client_goes_away(cache: AnswerCache, left: BaseException) -> None:
    work = Work(left)
    answers = together(lambda: cache.once("key", work))
    assert isinstance(answers[0], type(left))
    assert answers[1:] == [ANSWER] * 4
    assert work.calls == 2
