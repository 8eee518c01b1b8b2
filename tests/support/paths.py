"""Folders that tests read from."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CAPTURES = TESTS / "captures"
GOLDEN = TESTS / "golden"
#: Material of others that the repository does not hold; tests skip where it is absent.
SHARED = ROOT.parent / "shared"
