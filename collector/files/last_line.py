"""Judge the last line of a file that has no end: is it whole, or is the server still writing it?

A JSON object and a quoted field have an end of their own. Any other field may be cut anywhere: of
`905` bytes, `90` may have been written so far. In the logs of notebook servers, whose last field is
of no account, as many fields as in a line shortly before are enough.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

import msgspec

__all__ = ["LastLine"]

_BEFORE = 20  # lines whose fields are compared
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_any_json = msgspec.json.Decoder(msgspec.Raw)


class LastLine:
    """Watches the lines of a file that is read, and judges the last.

    Args:
        readable: whether a line that ends with a quoted field can be decoded: fields may follow.
        by_fields: the number of fields tells whether a line is whole.

    Attributes:
        left_out: number of the last line, if it was not taken.
        is_open: whether it was taken although it has no end.
    """

    def __init__(self, readable: Callable[[bytes], bool], *, by_fields: bool = False) -> None:
        self._readable = readable
        self._before: deque[int] | None = deque(maxlen=_BEFORE) if by_fields else None
        self.left_out: int | None = None
        self.is_open = False

    def accepts(self, number: int, line: bytes, *, cut: bool) -> bool:
        """Whether to take a line; it is noted if it is not.

        Args:
            number: of the line.
            line: the next one of the file.
            cut: it has no end, so it is the last.
        """
        if not cut:
            if self._before is not None:
                self._before.append(len(line.split()))
            return True
        self.is_open = self._is_whole(line)
        self.left_out = None if self.is_open else number
        return self.is_open

    def _is_whole(self, line: bytes) -> bool:
        if line.startswith(b"{"):
            return _is_json(line)
        if self._before is not None:
            return len(line.split()) in self._before
        closed = line.endswith(b'"') and b'"' not in _QUOTED.sub(b"", line)
        return closed and self._readable(line)


def _is_json(line: bytes) -> bool:
    try:
        _any_json.decode(line)
    except msgspec.DecodeError:
        return False
    return True
