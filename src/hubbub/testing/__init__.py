"""A simulated bus, history service and log, for trying hubbub, for tests and for load.

For the tests of a plugin: `FakeBus`. For whatever reads a bus or a history: `Traffic`, `Bus` with
`play`, `HistoryServer` with `Faults`. The names are resolved when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubbub.testing.bus import Bus as Bus
    from hubbub.testing.bus import Published as Published
    from hubbub.testing.bus import play as play
    from hubbub.testing.fake import FakeBus as FakeBus
    from hubbub.testing.history import Faults as Faults
    from hubbub.testing.history import HistoryServer as HistoryServer
    from hubbub.testing.traffic import SimMessage as SimMessage
    from hubbub.testing.traffic import Traffic as Traffic
    from hubbub.testing.traffic import messages as messages

_NAMES = {
    "Bus": "bus",
    "FakeBus": "fake",
    "Faults": "history",
    "HistoryServer": "history",
    "Published": "bus",
    "SimMessage": "traffic",
    "Traffic": "traffic",
    "messages": "traffic",
    "play": "bus",
}
__all__ = [
    "Bus",
    "FakeBus",
    "Faults",
    "HistoryServer",
    "Published",
    "SimMessage",
    "Traffic",
    "messages",
    "play",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
