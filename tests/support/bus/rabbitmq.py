"""A private RabbitMQ with TLS, and the real fedora-messaging as a publisher."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika

from tests.support import paths
from tests.support.paths import LAB
from tests.support.processes import free_port

PEERS = paths.TESTS / "integration" / "peers" / "fedora_messaging"
TOPICS = (
    "org.fedoraproject.dev.wiki.article.edit",
    "org.fedoraproject.dev.buildsys.build.state.change",
    "org.fedoraproject.dev.badges.badge.award",
)


@dataclass(frozen=True)
class Broker:
    """A running broker."""

    folder: Path
    port: int
    tls_port: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """The address, for the user guest."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def tls(self) -> Path:
        """The folder of the certificates: ca, server and client, each .crt and .key."""
        return self.folder / "rabbit" / "tls"

    @property
    def command(self) -> list[str | Path]:
        """rabbit.sh."""
        return [PEERS / "rabbit.sh"]

    def script(self, *arguments: str) -> str:
        """Run rabbit.sh; return its output."""
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def start(self) -> None:
        """Start the broker; returns once it accepts connections."""
        if not self.tls.exists():
            subprocess.run([sys.executable, PEERS / "tls.py", self.tls], check=True)
        self.script("start")

    def call(self, function: str, *arguments: str) -> str:
        """Call a function of the broker, `module:function`, with texts; return its result.

        A rabbitmqctl would take more CPU to start than most tests need for all else.
        """
        texts = ", ".join(f"<<{json.dumps(text)}>>" for text in arguments)
        return self.evaluate(f"{function}({texts})")

    def evaluate(self, expression: str) -> str:
        """Evaluate an Erlang expression in the broker; return its value as text."""
        home = self.folder / "rabbit"
        command = ["erl_call", "-sname", "hublab@localhost", "-e", "-c",
                   (home / ".erlang.cookie").read_text()]  # fmt: skip
        environment = {**self.environment, "HOME": str(home)}
        environment["ERL_EPMD_PORT"] = self.environment["EPMD_PORT"]
        answer = subprocess.run(
            command, input=f"{expression}.\n", env=environment, check=True, capture_output=True,
            text=True,
        ).stdout  # fmt: skip
        assert answer.startswith("{ok, "), answer
        return answer.removeprefix("{ok, ").removesuffix("}")

    def virtual_host(self) -> str:
        """Make a virtual host; return its address."""
        name = f"test-{uuid.uuid4().hex[:8]}"
        assert self.call("rabbit_vhost:add", name, "test") == "ok"
        self.permit("guest", name)
        return f"{self.url}{name}"

    def permit(self, user: str, host: str) -> None:
        """Allow a user everything in a virtual host."""
        permissions = (".*", ".*", ".*", "test")
        set_permissions = "rabbit_auth_backend_internal:set_permissions"
        assert self.call(set_permissions, user, host, *permissions) == "ok"

    def delete_virtual_host(self, name: str) -> None:
        """Delete a virtual host, with its queues."""
        assert self.call("rabbit_vhost:delete", name, "test") == "ok"

    def messages(self, host: str) -> int:
        """Return how many messages the queues of a virtual host hold, unacknowledged or not."""
        queues = f'Q <- rabbit_amqqueue:list(<<"{host}">>)'
        return int(self.evaluate(
            f"lists:sum([N || {queues}, {{messages, N}} <- rabbit_amqqueue:info(Q, [messages])])"
        ))  # fmt: skip

    def delete_queue(self, host: str, name: str) -> None:
        """Delete a queue, with its messages."""
        self.evaluate(
            f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{host}">>, queue, <<"{name}">>)),'
            ' {ok, _} = rabbit_amqqueue:delete(Q, false, false, <<"test">>)'
        )

    def bindings(self) -> str:
        """Return the keys and queues of the bindings in the virtual host /."""
        return self.evaluate(
            "[{binary_to_list(K), binary_to_list(N)} ||"
            ' {binding, _, K, {resource, _, _, N}, _} <- rabbit_binding:list(<<"/">>)]'
        )

    def publisher(self, first: int, last: int) -> subprocess.Popen[str]:
        """Start the real fedora-messaging, which publishes messages [first, last)."""
        path = self.folder / "publisher.toml"
        path.write_text(f'amqp_url = "{self.url}%2F"\npublish_exchange = "amq.topic"\n')
        return subprocess.Popen(
            [LAB / "venv-dg/bin/python", PEERS / "people.py", str(first), str(last)],
            env={**os.environ, "FEDORA_MESSAGING_CONF": str(path)},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


def expected(first: int, last: int) -> Counter[tuple[str, str]]:
    """Return how often each topic and user occurs in messages [first, last) of people.py."""
    return Counter((TOPICS[n % 3], f"user-{n % 50}") for n in range(first, last))


def publish(url: str, messages: list[tuple[str, Any, dict[str, Any]]]) -> None:
    """Publish messages: topic, body (bytes, or JSON), properties."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    for topic, body, properties in messages:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        channel.basic_publish(
            "amq.topic", topic, data, pika.BasicProperties(delivery_mode=2, **properties)
        )
    connection.close()


@contextmanager
def private_broker() -> Iterator[Broker]:
    """Start a RabbitMQ of our own, and stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hubbub-mq-"))
    folder.chmod(0o755)  # RabbitMQ runs as its own user
    ports = [free_port() for _ in range(4)]
    names = ("AMQP_PORT", "AMQPS_PORT", "EPMD_PORT", "DIST_PORT")
    environment = {
        **os.environ, "LAB_TMP": str(folder), "VENV_DG": str(LAB / "venv-dg"),
        **{name: str(port) for name, port in zip(names, ports, strict=True)},
    }  # fmt: skip
    service = Broker(folder, ports[0], ports[1], environment)
    try:
        service.start()
        yield service
    finally:
        subprocess.run(
            [*service.command, "stop"], env=environment, check=False, stdout=-3, stderr=-3
        )
        shutil.rmtree(folder, ignore_errors=True)
