"""`past`: the events before the range too, with the same filters."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubbub.registry import Function, Registry
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store


def counts(events: Any, past: Any) -> list[int]:
    return [events.count_events(), past.count_events()]


@pytest.mark.parametrize("only", [{}, {"user": ("alice",)}])
def test_the_past_is_read_whatever_the_range_says(store: Path, only: dict[str, Any]) -> None:
    registry = Registry()
    registry.add(Function("query", "counts", counts, __name__))
    with Store.open(store) as opened:

        def ask(**options: Any) -> Any:
            common = CommonOptions(**options, **only)
            return Runner(opened, registry, common=common).query("counts").data

        everything, same = ask(until=datetime(2030, 1, 1, tzinfo=UTC))
        assert everything == same > 0
        late, past = ask(
            since=datetime(2026, 1, 2, tzinfo=UTC), until=datetime(2030, 1, 1, tzinfo=UTC)
        )
        assert late < past == everything
        assert ask(until=datetime(2026, 1, 2, tzinfo=UTC)) == [everything - late] * 2
