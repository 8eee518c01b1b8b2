"""An object store of this machine: moto's S3, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from tests.support.processes import free_port, wait_until

__all__ = ["BUCKET", "SECRET", "environment", "object_store"]

BUCKET = "bucket"
SECRET = "a-secret-key-of-the-tests"


def environment(endpoint: str) -> dict[str, str]:
    """Return the environment variables that lead to an object store."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "an-access-key-of-the-tests",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


@contextmanager
def object_store() -> Iterator[str]:
    """Run it with an empty bucket; yield its endpoint."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            wait_until(lambda: _put(f"{endpoint}/{BUCKET}"), process=process)
            yield endpoint
        finally:
            process.kill()


def _put(url: str) -> bool:
    try:
        with urlopen(Request(url, method="PUT"), timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
