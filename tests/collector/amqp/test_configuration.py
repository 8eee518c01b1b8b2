"""Configurations of fedora-messaging."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.collector.amqp.configuration import read_configuration
from hubbub.errors import UsageError

FEDORA = """
amqp_url = "amqps://fedora:@rabbitmq.fedoraproject.org/%2Fpublic_pubsub"
callback = "fedora_messaging.example:printer"
[tls]
ca_cert = "/etc/fedora-messaging/cacert.pem"
keyfile = "/etc/fedora-messaging/fedora-key.pem"
certfile = "/etc/fedora-messaging/fedora-cert.pem"
[client_properties]
app = "Example Application"
[exchanges."amq.topic"]
type = "topic"
[[bindings]]
exchange = "amq.topic"
routing_keys = ["org.fedoraproject.prod.git.#"]
[consumer_config]
example_key = "for my consumer"
[qos]
prefetch_count = 25
"""

QUEUE = """
amqp_url = "amqp://?connection_attempts=3&retry_delay=5"
[queues.hublab]
durable = true
auto_delete = false
exclusive = false
arguments = { "x-max-length" = 10 }
[[bindings]]
queue = "hublab"
exchange = "other"
routing_keys = ["#", "a.b"]
[qos]
prefetch_count = 9000
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "fm.toml"
    path.write_text(text)
    return path


def test_the_configuration_that_fedora_ships(tmp_path: Path) -> None:
    settings = read_configuration(write(tmp_path, FEDORA))
    assert settings.address == "amqps://rabbitmq.fedoraproject.org/%2Fpublic_pubsub"
    assert (settings.user, settings.exchange) == ("fedora", "amq.topic")
    assert settings.routing_keys == ("org.fedoraproject.prod.git.#",)
    assert settings.temporary
    assert settings.exclusive
    assert settings.auto_delete
    assert settings.ca == Path("/etc/fedora-messaging/cacert.pem")
    assert settings.certificate == Path("/etc/fedora-messaging/fedora-cert.pem")
    assert settings.key == Path("/etc/fedora-messaging/fedora-key.pem")
    assert settings.client_properties == {"app": "Example Application"}
    assert settings.prefetch == 8_000


def test_a_named_queue_is_consumed_as_it_is_declared(tmp_path: Path) -> None:
    settings = read_configuration(write(tmp_path, QUEUE))
    assert settings.address == "amqp://localhost/"
    assert (settings.queue, settings.exchange) == ("hublab", "other")
    assert (settings.durable, settings.auto_delete, settings.exclusive) == (True, False, False)
    assert not settings.temporary
    assert settings.arguments == {"x-max-length": 10}
    assert settings.routing_keys == ("#", "a.b")
    assert settings.prefetch == 9_000


def test_an_empty_file_has_the_defaults_of_fedora_messaging(tmp_path: Path) -> None:
    settings = read_configuration(write(tmp_path, ""))
    assert settings.address == "amqp://localhost/"
    assert settings.temporary
    assert settings.ca is None


def test_relative_paths_are_beside_the_file(tmp_path: Path) -> None:
    settings = read_configuration(write(tmp_path, '[tls]\nca_cert = "ca.pem"'))
    assert settings.ca == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("amqp_url = 7", "not a configuration"),
        ("amqp_url = [", "not a TOML file"),
        ('amqp_url = "http://x"', "not an AMQP address"),
        ("[[bindings]]\nqueue='a'\n[[bindings]]\nqueue='b'", "several queues"),
        ("[[bindings]]\nexchange='a'\n[[bindings]]\nexchange='b'", "several exchanges"),
        ("[qos]\nprefetch_count = 'x'", "not a configuration"),
    ],
)
def test_a_wrong_file(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        read_configuration(write(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the file"):
        read_configuration(tmp_path / "none.toml")
