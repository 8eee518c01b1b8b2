"""What needs no other server does not import an HTTP client."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["hubbub.run.configured", "hubbub.calls.combined", "hubbub.notebook"]
)
def test_no_http_client_is_imported(module: str) -> None:
    program = f"import sys, {module}; print(sorted(m for m in sys.modules if m == 'requests'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_a_client_imports_no_tables() -> None:
    program = "import sys, hubbub; hubbub.connect('http://x'); print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"
