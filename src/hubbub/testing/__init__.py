"""A simulated bus, history service and access log, for demos, tests and load tests.

To test a plugin, use `run`, or `FakeBus` for messages as a bus sends them. To test a client of a
bus or of a history service, use `Traffic`, `Bus` with `play`, and `HistoryServer` with `Faults`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.testing.bus import Bus as Bus
    from hubbub.testing.bus import Published as Published
    from hubbub.testing.bus import play as play
    from hubbub.testing.fake import FakeBus as FakeBus
    from hubbub.testing.history.server import Faults as Faults
    from hubbub.testing.history.server import HistoryServer as HistoryServer
    from hubbub.testing.plugin import Bench as Bench
    from hubbub.testing.plugin import run as run
    from hubbub.testing.simulator.message import SimMessage as SimMessage
    from hubbub.testing.simulator.traffic import Traffic as Traffic
    from hubbub.testing.simulator.traffic import messages as messages

__all__ = [
    "Bench",
    "Bus",
    "FakeBus",
    "Faults",
    "HistoryServer",
    "Published",
    "SimMessage",
    "Traffic",
    "messages",
    "play",
    "run",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Bench": "hubbub.testing.plugin",
        "Bus": "hubbub.testing.bus",
        "FakeBus": "hubbub.testing.fake",
        "Faults": "hubbub.testing.history.server",
        "HistoryServer": "hubbub.testing.history.server",
        "Published": "hubbub.testing.bus",
        "SimMessage": "hubbub.testing.simulator.message",
        "Traffic": "hubbub.testing.simulator.traffic",
        "messages": "hubbub.testing.simulator.traffic",
        "play": "hubbub.testing.bus",
        "run": "hubbub.testing.plugin",
    },
)
