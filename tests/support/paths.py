"""Folders that the tests read, or write to."""

import os
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CAPTURES = TESTS / "captures"
GOLDEN = TESTS / "golden"
#: Material that is not part of the repository; tests that need it are skipped without it.
SHARED = ROOT.parent / "shared"
#: A folder on a disk. Temporary folders are in memory where there is enough: conftest.py sets
#: TMPDIR, which processes inherit, and so they inherit this as well.
DISK = Path(os.environ.setdefault("HUBBUB_TEST_DISK", tempfile.gettempdir()))
#: Where integration/peers/setup.sh installs services.
LAB = Path(os.environ.get("LAB_TMP") or DISK / "hublab")
