"""An export on a terminal harms it as little as any other output."""

import io
import json

from hubbub.store.query.event_files import Escaped


def test_what_a_terminal_would_obey_is_escaped() -> None:
    buffer = io.BytesIO()
    line = {"users": ["\x9b31m", "a\u202eb", "é 日本"], "x": "\u001b]0;title\u0007"}
    text = json.dumps(line, ensure_ascii=False) + "\n"
    assert Escaped(buffer).write(text.encode()) == len(text.encode())
    shown = buffer.getvalue().decode()
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert json.loads(shown) == line
    assert "é 日本" in shown
    Escaped(buffer).write(b"\x1b[2J,\xff\n")
    assert b"\x1b" not in buffer.getvalue()
