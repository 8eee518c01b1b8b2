"""Addresses of AMQP brokers."""

from __future__ import annotations

from typing import Any

import pytest

from hubbub.collector.amqp.settings import BUSES, parse_address
from hubbub.errors import UsageError


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("amqp://bus.example.org", {"host": "bus.example.org", "port": 5672, "user": "guest"}),
        ("amqps://bus.example.org", {"port": 5671, "encrypted": True, "virtual_host": "/"}),
        ("amqp://h:1234/v", {"port": 1234, "virtual_host": "v"}),
        ("amqp://h/%2Fpublic_pubsub", {"virtual_host": "/public_pubsub"}),
        ("amqp://a%40b:p%2Fq@h", {"user": "a@b", "password": "p/q"}),
        ("amqp://u:@h", {"user": "u", "password": ""}),
        ("amqp://u@h", {"user": "u", "password": ""}),
        ("amqp://[::1]:5672/", {"host": "::1"}),
        ("amqp://h?exchange=pubsub&queue=q%201", {"exchange": "pubsub", "queue": "q 1"}),
        ("amqp://h?heartbeat=5", {"heartbeat": 5}),
    ],
)
def test_an_address(address: str, expected: dict[str, Any]) -> None:
    settings = parse_address(address)
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("fedroa", "there is no such bus"),
        ("nothing", "not an AMQP address"),
        ("tcp://h:1", "not an AMQP address"),
        ("amqp:h", "not an AMQP address"),
        ("amqp://", "no host"),
        ("amqp://h:99999", "not an AMQP address"),
        ("amqp://h:x", "not an AMQP address"),
        ("amqp://h/a/b", "%2F"),
        ("amqp://h#x", "%23"),
        ("amqp://h?exchnge=x", "unknown parameter exchnge"),
        ("amqp://h?queue=", "1 to 255 bytes"),
        (f"amqp://h?queue={'é' * 128}", "1 to 255 bytes"),
        ("amqp://h?heartbeat=0", "between 1 and 3600"),
        ("amqp://h?heartbeat=²", "between 1 and 3600"),
    ],
)
def test_a_wrong_address_is_named_without_its_password(address: str, what: str) -> None:
    for text in (address, address.replace("amqp://", "amqp://user:secret@")):
        with pytest.raises(UsageError, match=what) as raised:
            parse_address(text)
        assert raised.value.hint
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("amqp://user:secret@h:5672/", "amqp://h/"),
        ("amqps://h:5671/%2Fv", "amqps://h/%2Fv"),
        ("amqp://h:5671/v", "amqp://h:5671/v"),
        ("amqp://[::1]:1/", "amqp://[::1]:1/"),
    ],
)
def test_an_address_is_shown_without_user_and_password(address: str, shown: str) -> None:
    settings = parse_address(address)
    assert settings.address == shown
    assert settings.source == f"amqp:{shown}"
    assert "secret" not in repr(settings)
    assert parse_address(shown).source == settings.source


def test_the_public_buses() -> None:
    fedora, opensuse = BUSES["fedora"], BUSES["opensuse"]
    assert parse_address("fedora") is fedora
    assert fedora.address == "amqps://rabbitmq.fedoraproject.org/%2Fpublic_pubsub"
    assert (fedora.exchange, fedora.user, fedora.durable) == ("amq.topic", "fedora", True)
    assert opensuse.address == "amqps://rabbit.opensuse.org/"
    assert (opensuse.exchange, opensuse.temporary, opensuse.exclusive) == ("pubsub", True, True)
