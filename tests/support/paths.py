"""Folders that the tests read."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CAPTURES = TESTS / "captures"
GOLDEN = TESTS / "golden"
#: Material that is not part of the repository; tests that need it are skipped without it.
SHARED = ROOT.parent / "shared"
