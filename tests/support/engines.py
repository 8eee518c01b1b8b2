"""Start real engines behind Spark Connect: Sail, and Apache Spark."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.paths import LAB
from tests.support.processes import free_port, wait_until

__all__ = ["REQUIRED", "Server", "sail", "spark"]

#: The services that must not be missing.
REQUIRED = {name.strip() for name in os.environ.get("HUBBUB_REQUIRE", "").split(",")}

_CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"


class Server:
    """A process that serves Spark Connect on this machine."""

    def __init__(self, *command: object, port: int, environment: dict[str, str]) -> None:
        self.port = port
        self._command, self._environment = list(map(str, command)), os.environ | environment
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the object
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process: subprocess.Popen[Any] = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            start_new_session=True, env=self._environment,
        )  # fmt: skip
        wait_until(self._listens, 180, process=self.process, output=self.output)

    @property
    def url(self) -> str:
        """The address."""
        return f"sc://127.0.0.1:{self.port}"

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def output(self) -> str:
        """Return the end of what it printed."""
        self._log.seek(0)
        return self._log.read()[-3_000:]

    def kill(self) -> None:
        """Kill it, and what it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        """Kill it for good."""
        self.kill()
        self._log.close()


@contextmanager
def sail(**environment: str) -> Iterator[Server]:
    """Run Sail, of the package pysail, with environment variables."""
    port = free_port()
    command = (sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1")
    server = Server(
        *command, "--port", port, port=port, environment={"RUST_LOG": "warn", **environment}
    )
    try:
        yield server
    finally:
        server.close()


@contextmanager
def spark() -> Iterator[Server]:
    """Run Apache Spark, of the package pyspark in an environment of its own (peers/setup.sh)."""
    port, environment = free_port(), LAB / "venv-spark"
    home = next(environment.glob("lib/python*/site-packages/pyspark"))
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": 2,
        "spark.ui.enabled": "false",
    }
    options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    with tempfile.TemporaryDirectory(prefix="hubbub-spark-") as folder:
        server = Server(
            environment / "bin/spark-submit", "--class", _CONNECT, "--master", "local[2]",
            "--driver-memory", "2g", *options, port=port,
            environment={"SPARK_LOCAL_DIRS": folder, "SPARK_HOME": str(home)},
        )  # fmt: skip
        try:
            yield server
        finally:
            server.close()
