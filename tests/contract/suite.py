"""What every source promises (hubbub.collector.sources.source), as tests that each one inherits.

A module of this folder has a class that inherits `SourceContract`, and a fixture `harness`, the
other side of its source. The commands run in processes of their own.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubbub.store import Store
from tests.contract.harness import Harness, Run
from tests.support.processes import reported, within
from tests.support.stores import small_disk

N = 10_000
#: Moments of a kill: before the second write is durable, after the first is and nobody knows.
KILLS = (("before", 2), ("after", 1))
DISK = 24  # MB


class SourceContract:
    """The tests of one source."""

    def test_ten_thousand_messages_once_each_with_kill_9_in_the_middle(
        self, harness: Harness
    ) -> None:
        third = N // 3
        parts = [range(third), range(third, 2 * third), range(2 * third, N)]
        if harness.keeps_messages:
            parts = [range(N), range(0), range(0)]
        killed = []
        for part, (moment, nth) in zip(parts, KILLS, strict=False):
            self._start(harness, part, "SIGKILL", moment, nth).end(-signal.SIGKILL)
            killed.append(harness.count())
        assert killed[0] < N, "killed in the middle"
        assert killed[-1] > 0, "what is durable survives"
        run = self._start(harness, parts[-1])
        if harness.keeps_messages:
            harness.finish(run, N)
        else:
            run.until(lambda: set(parts[-1]) <= set(harness.numbers()))
            harness.stop(run)
            assert "gap" in harness.states(), "it knows that it missed some"
        harness.recover()
        assert harness.numbers() == list(range(N))
        assert harness.kept() in {None, 0}

    def test_unreadable_messages_become_dead_letters(self, harness: Harness) -> None:
        before, after = range(500), range(500, 1000)
        if harness.is_live:
            run = harness.start()
        harness.send(before)
        expected = harness.send_unreadable()
        harness.send(after)
        if not harness.is_live:
            run = harness.start()
        harness.finish(run, len(before) + len(after))
        assert harness.numbers() == [*before, *after]
        assert harness.dead_letters() == expected
        assert harness.kept() in {None, 0}

    def test_the_disk_is_full_and_comes_back(
        self, make_harness: Callable[[Path], Harness], tmp_path: Path
    ) -> None:
        with small_disk.disk(tmp_path / "disk", DISK) as disk:
            harness = make_harness(disk.path)
            try:
                self._fill_and_free(harness, disk)
            finally:
                harness.close()

    def _fill_and_free(self, harness: Harness, disk: small_disk.Disk) -> None:
        Store.open(harness.store).close()
        sent = range(2000)
        if not harness.is_live:
            harness.send(sent, noise=2000)
            disk.fill(leave=1 << 20)
            for _ in range(2):  # the second attempt fails in no other way
                run = harness.start()
                run.end(4)
                assert "the disk is full" in run.output
                assert "Traceback" not in run.output
            disk.room()
            run = harness.start()
        else:
            run = harness.start()
            disk.fill()
            harness.send(sent, noise=2000)
            run.until(lambda: run.log("cannot write, messages wait"))
            assert harness.kept() in {None, len(sent)}, "they are acknowledged when durable"
            disk.room()
        harness.finish(run, len(sent))
        assert harness.numbers() == list(sent)
        if harness.keeps_messages:
            assert "gap" not in harness.states()

    def test_sigterm_ends_it_within_five_seconds_with_everything_safe(
        self, harness: Harness
    ) -> None:
        run = self._start(harness, range(N), "SIGTERM", "before", 2)
        run.end(harness.stop_code)
        assert time.time() - run.marker.stat().st_mtime < within(5)
        stopped = harness.numbers()
        assert 0 < len(stopped) == len(set(stopped))
        for last in run.log("stopped"):
            counts = reported([*run.log("listening"), last])
            assert counts["stored"] == last["total"] == len(stopped)
            assert (last["waiting"], counts["overflow"]) == (0, 0)
        if harness.keeps_messages:
            harness.finish(harness.start(), N)
            assert harness.numbers() == list(range(N))

    def test_the_same_message_is_the_same_event(
        self, harness: Harness, captured: tuple[Callable[[], None], list[dict[str, Any]]]
    ) -> None:
        send, expected = captured
        if harness.is_live:
            run = harness.start()
        send()
        if not harness.is_live:
            run = harness.start()
        harness.finish(run, len(expected))
        assert harness.events() == expected

    def test_absence_is_a_gap_only_where_nobody_keeps_messages(self, harness: Harness) -> None:
        for part in (range(10), range(10, 20)):
            run = self._start(harness, part)
            if harness.is_live:
                run.until(lambda: harness.count() == part.stop)  # noqa: B023  called at once
                run.until(lambda: "unproven" in harness.states())
            harness.finish(run, part.stop)
            if not part.start:
                assert "gap" not in harness.states(), "nothing was missed yet"
        assert harness.numbers() == list(range(20))
        assert harness.states() - {"unproven"} == harness.absence

    @staticmethod
    def _start(harness: Harness, numbers: range, *signalled: object) -> Run:
        """Start the command, and send it messages: before, or once it is connected."""
        if not harness.is_live and numbers:
            harness.send(numbers)
        run = harness.start(*signalled)
        if harness.is_live and numbers:
            harness.send(numbers)
        return run
