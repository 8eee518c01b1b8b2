"""The fuzz runner: a clean run, failures with a way to reproduce them, deterministic inputs."""

from __future__ import annotations

from random import Random

import pytest

from hubbub.charts.picture import text as typeset
from hubbub.collector.people import reader
from tests.fuzz import run
from tests.support.mutations import Mutator


def test_a_clean_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--inputs", "4000", "--seed", "20261121"]) == 0
    output = capsys.readouterr().out
    assert "fuzz: 4,000 inputs" in output
    for outcome in ("events", "refused not-json", "refused topic-mismatch", "signature accepted",
                 "signature bad-signature"):  # fmt: skip
        assert f" {outcome}\n" in output, "the inputs must reach every outcome"


def test_a_failure_is_reported_with_the_input_that_reproduces_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise KeyError("boom")

    for name in ("events_of", "understand"):
        monkeypatch.setattr(reader, name, failing)
    assert run.main(["--inputs", "100", "--seed", "3"]) == 1
    output = capsys.readouterr().out
    assert "FAILURE KeyError" in output
    assert "reproduce: --seed 3 --only 0" in output
    assert "fuzz: 20 inputs" in output, "it stops after 20 failures"
    with pytest.raises(KeyError, match="boom"):
        run.main(["--seed", "3", "--only", "0"])
    monkeypatch.undo()
    monkeypatch.setattr(typeset, "clean", lambda text: f"\u202e{text}"[:80])
    assert run.main(["--inputs", "5"]) == 1, "violated invariants are failures too"


def test_messages_are_deterministic_and_leave_the_seeds_unchanged() -> None:
    mutator = Mutator(list(run.captured("fedmsg-unsigned.jsonl")), ["a.b.prod.c.d"])
    before = repr(mutator.trees)
    messages = [mutator.message(Random(n)) for n in range(300)]
    assert messages == [mutator.message(Random(n)) for n in range(300)]
    assert repr(mutator.trees) == before
    assert len(set(messages)) > 250
