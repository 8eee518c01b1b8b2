"""Valid and invalid endpoint addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.collector.bus.endpoint import Endpoint
from hubbub.collector.bus.receiver import Receiver
from hubbub.errors import SourceError, UsageError


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bus.example.org:9940",
        "http://bus.example.org",
        "tcp://bus.example.org",
        "tcp://:9940",
        "tcp://bus.example.org:http",
        "tcp://bus.example.org:99999",
        "tcp://bus.example.org:0",
        "tcp://bus.example.org:*",
        "tcp://*:9940",
        "tcp://bus.example.org:9940/x",
        "tcp://user@bus.example.org:9940",
        "inproc://x",
        "ipc://",
    ],
)
def test_an_invalid_address(address: str) -> None:
    with pytest.raises(UsageError, match="--zmq") as caught:
        Receiver([address])
    assert caught.value.hint


@pytest.mark.parametrize(
    "address", ["tcp://[::1]:9940", "tcp://bus:9940", "tcp://1.2.3.4:1", "ipc:///run/x"]
)
def test_a_valid_address(address: str) -> None:
    assert Receiver([address]).endpoints[0].address == address


def test_no_address_at_all() -> None:
    with pytest.raises(UsageError, match="nothing to listen to"):
        Receiver()


@pytest.mark.parametrize("size", [0, -1, 1 << 40])
def test_an_impossible_message_size(size: int) -> None:
    with pytest.raises(UsageError, match="--max-message"):
        Receiver(["tcp://127.0.0.1:1"], max_message=size)


def test_an_address_of_another_machine() -> None:
    with (
        pytest.raises(SourceError, match="no such address"),
        Receiver(bind=["tcp://192.0.2.1:9940"]),
    ):
        pass


def test_a_missing_folder_of_an_ipc_socket(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceError, match="cannot bind"),
        Receiver(bind=[f"ipc://{tmp_path}/no/b.sock"]),
    ):
        pass


def test_which_addresses_have_a_name_to_resolve() -> None:
    for address, host in [
        ("tcp://bus.example.org:9940", "bus.example.org"),
        ("tcp://10.0.0.1:9940", None),
        ("tcp://[::1]:9940", None),
        ("ipc:///run/x", None),
    ]:
        assert Endpoint(address, bound=False).host == host
    assert Endpoint("tcp://localhost:1", bound=True).host is None
