"""The fuzz runner: some thousand inputs are clean, a number is an input, and faults are seen."""

from __future__ import annotations

from random import Random

import pytest

from hubbub.charts.picture import text as typeset
from hubbub.collector.people import reader
from tests.fuzz import run
from tests.support.mutations import Mutator


def test_some_thousand_hostile_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--inputs", "4000", "--seed", "20261121"]) == 0
    said = capsys.readouterr().out
    assert "fuzz: 4,000 inputs" in said
    for word in ("events", "refused not-json", "refused topic-mismatch", "signature accepted",
                 "signature bad-signature"):  # fmt: skip
        assert f" {word}\n" in said, "what is drawn reaches both good and bad ends"


def test_a_fault_is_reported_with_the_input_that_shows_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(*_: object, **__: object) -> None:
        raise KeyError("boom")

    monkeypatch.setattr(reader, "understand", fragile)
    assert run.main(["--inputs", "100", "--seed", "3"]) == 1
    said = capsys.readouterr().out
    assert "FAILURE KeyError" in said
    assert "again: --seed 3 --only 0" in said
    assert "fuzz: 20 inputs" in said, "it gives up where everything fails"
    with pytest.raises(KeyError, match="boom"):
        run.main(["--seed", "3", "--only", "0"])
    monkeypatch.undo()
    monkeypatch.setattr(typeset, "clean", lambda text: f"\u202e{text}"[:80])
    assert run.main(["--inputs", "5"]) == 1, "broken promises are faults too"


def test_the_same_state_gives_the_same_message_and_seeds_stay_as_they_are() -> None:
    mutator = Mutator(list(run.captured("fedmsg-unsigned.jsonl")), ["a.b.prod.c.d"])
    before = repr(mutator.trees)
    messages = [mutator.message(Random(n)) for n in range(300)]
    assert messages == [mutator.message(Random(n)) for n in range(300)]
    assert repr(mutator.trees) == before
    assert len(set(messages)) > 250
