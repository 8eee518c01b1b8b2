"""Notifications to the service manager."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hubbub.collector.listening import systemd


def test_without_systemd_no_notification_is_sent() -> None:
    assert systemd.notify("READY=1", environ={}) is False
    for address in ("/nonexistent/socket", "@", "@@", "/" + "x" * 200, "\udcff", "vsock:2:1"):
        assert systemd.notify("READY=1", environ={"NOTIFY_SOCKET": address}) is False
    assert systemd.watchdog_interval({}) is None
    assert systemd.watchdog_interval({"WATCHDOG_USEC": "30000000"}) == 15
    assert systemd.watchdog_interval({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    for nonsense in ("soon", "\u00b2", "-1", "1e6", "0x10"):
        assert systemd.watchdog_interval({"WATCHDOG_USEC": nonsense}) is None


def test_a_service_manager_that_does_not_read_does_not_block(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        sent = 0
        while systemd.notify("STATUS=x" * 100, environ=environ):
            sent += 1
            assert sent < 100_000
    assert sent


@pytest.mark.parametrize("name", ["hubbub@1.sock", "a@b/c@d", "@"])
def test_only_a_leading_at_means_an_abstract_socket(tmp_path: Path, name: str) -> None:
    (tmp_path / "a@b").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / name))
        manager.settimeout(60)
        assert systemd.notify("READY=1", environ={"NOTIFY_SOCKET": str(tmp_path / name)})
        assert manager.recv(4096) == b"READY=1"


def test_an_abstract_socket_is_notified() -> None:
    name = f"hubbub@test/{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(60)
        assert systemd.notify("READY=1", environ={"NOTIFY_SOCKET": "@" + name})
        assert manager.recv(4096) == b"READY=1"
