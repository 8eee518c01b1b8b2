"""Valid and invalid endpoint addresses."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import zmq

from hubbub.collector.zeromq.endpoint import Endpoint
from hubbub.collector.zeromq.receiver import Receiver
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


@pytest.mark.parametrize(
    "spellings",
    [
        ["tcp://bus.example.org:9940", "tcp://BUS.example.org:9940", "tcp://bus.example.org:09940"],
        ["tcp://[::1]:9940", "tcp://[0:0::1]:9940", "tcp://[0000::0001]:9940"],
        ["tcp://[2001:DB8::1]:9940", "tcp://[2001:db8:0:0::1]:9940"],
        ["ipc:///run/a.sock", "ipc:///run/a.sock"],
    ],
)
def test_one_endpoint_in_several_spellings_is_received_from_once(spellings):
    others = ["tcp://bus.example.org:9941", "tcp://[::2]:9940", "ipc:///run/A.sock"]
    receiver = Receiver([spellings[0], *others, *spellings[1:]])
    assert [endpoint.address for endpoint in receiver.endpoints] == [spellings[0], *others]


def event(kind: zmq.Event, descriptor: int = 0) -> list[bytes]:
    """A message of a socket's monitor."""
    return [struct.pack("=hi", kind, descriptor), b"tcp://bus:1"]


def test_a_handshake_that_overlaps_the_pause_of_a_peer_that_hung_up() -> None:
    """The pause ends the connection without an event; a later loss must be noticed all the same."""
    endpoint = Receiver(["tcp://bus:1"]).endpoints[0]
    for descriptor in (7, 8, 9):
        endpoint.handle_event(event(zmq.Event.CONNECTED, descriptor))
        endpoint.handle_event(event(zmq.Event.DISCONNECTED, descriptor))
    assert endpoint.take_pause()
    assert not endpoint.take_reconnect(), "it pauses"
    endpoint.handle_event(event(zmq.Event.CONNECTED, 7))
    assert endpoint.handle_event(event(zmq.Event.HANDSHAKE_SUCCEEDED)) is None
    assert (endpoint.state, endpoint.connects) == ("waiting", 0)
    assert endpoint.take_reconnect(), "the peer is a publisher now"
    endpoint.handle_event(event(zmq.Event.CONNECTED, 8))
    endpoint.handle_event(event(zmq.Event.HANDSHAKE_SUCCEEDED))
    assert (endpoint.state, endpoint.connects) == ("connected", 1)
    lost = endpoint.handle_event(event(zmq.Event.DISCONNECTED, 8))
    assert lost is not None
    assert (lost.what, endpoint.state) == ("connection lost", "lost")
