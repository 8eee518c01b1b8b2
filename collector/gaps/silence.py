"""Detect an endpoint that has been silent for longer than its usual message rate explains."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["SilenceDetector"]

_DECAY = 3600.0  # s; follows a bus that is ten times quieter at night, but not a sudden silence
_MIN_TIME = 600.0  # s of observation, and
_MIN_MESSAGES = 100  # messages, before the rate is meaningful
_PAUSES = 30  # mean intervals without a message; by chance this happens with probability e**-30
_MIN_SILENCE = 30.0  # s


@dataclass(slots=True)
class SilenceDetector:
    """The message rate of one endpoint; reads no clock."""

    silence: float = 0.0  # s since the last message
    messages: int = 0
    _age: float = 0.0
    _weight: float = 0.0  # messages, exponentially decayed by age

    def update(self, messages: int, seconds: float) -> None:
        """Account for `messages` received within the last `seconds`."""
        self.messages += messages
        if messages:
            self.silence = 0.0
        else:
            self.silence += seconds
            if self.suspicious:
                return  # a suspicious silence must not lower the usual rate
        self._age += seconds
        self._weight = self._weight * math.exp(-seconds / _DECAY) + messages

    @property
    def rate(self) -> float:
        """Messages per second, mostly of the last hour."""
        return self._weight / (_DECAY * (1 - math.exp(-max(self._age, 1e-6) / _DECAY)))

    @property
    def suspicious(self) -> bool:
        """Whether the silence is longer than the usual rate explains."""
        if self._age < _MIN_TIME or self.messages < _MIN_MESSAGES or not self.rate:
            return False
        return self.silence > max(_MIN_SILENCE, _PAUSES / self.rate)
