"""What loading the views costs."""

from __future__ import annotations

import subprocess
import sys


def test_views_are_registered_without_loading_pygal() -> None:
    program = "import sys, hubbub.charts; print([m for m in ('pygal', 'ibis') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
