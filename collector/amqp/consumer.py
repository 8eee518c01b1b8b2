"""A connection to a broker that consumes one queue, by pika.

Every method but `wake` belongs to the thread that created it.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pika
from pika import exceptions
from pika.credentials import ExternalCredentials, PlainCredentials

from hubbub.collector.amqp import lenient_headers
from hubbub.collector.amqp.settings import Settings

__all__ = ["Consumer", "OnMessage", "connection_parameters"]

#: Called for each message: channel, method, properties, body.
OnMessage = Callable[[Any, Any, Any, bytes], object]

_CONNECT_TIMEOUT = 10.0  # s for the TCP connection, and as much for the handshakes
_NOT_FOUND = 404
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}

logging.getLogger("pika").setLevel(logging.CRITICAL)  # every error is raised, and explained by us


class Consumer:
    """An open connection and channel; `consume` starts the deliveries.

    Args:
        settings: of the broker.
        queue: to consume; empty: one that the broker names.
        tls: for encrypted connections.
        client_properties: what the broker's administrators see.

    Raises:
        `FAILURES` of `hubbub.collector.amqp.failures`.
    """

    def __init__(
        self,
        settings: Settings,
        queue: str,
        tls: ssl.SSLContext | None,
        client_properties: Mapping[str, Any],
    ) -> None:
        lenient_headers.install()
        self.settings = settings
        self.cancelled = False  # by the broker: the queue was deleted, or its node left
        self.blocked = ""  # what the broker lacks, while it stops publishers
        self._connection = pika.BlockingConnection(
            connection_parameters(settings, tls, client_properties)
        )
        try:
            self._channel = self._connection.channel()
            self.existed, self.queue = self._declare(queue)
            self._channel.add_on_cancel_callback(self._on_cancel)
            self._connection.add_on_connection_blocked_callback(self._on_blocked)
            self._connection.add_on_connection_unblocked_callback(self._on_unblocked)
        except BaseException:
            self.close()
            raise

    def _declare(self, queue: str) -> tuple[bool, str]:
        """Return whether the queue existed, with what waits in it, and its name."""
        settings = self.settings
        if queue and not settings.temporary:
            try:
                self._channel.queue_declare(queue, passive=True)
            except exceptions.ChannelClosedByBroker as error:
                if settings.passive or error.reply_code != _NOT_FOUND:
                    raise
                self._channel = self._connection.channel()
            else:
                return True, queue
        declared = self._channel.queue_declare(
            "" if settings.temporary else queue,
            durable=settings.durable,
            exclusive=settings.exclusive,
            auto_delete=settings.auto_delete,
            arguments=dict(settings.arguments),
        )
        return False, str(declared.method.queue)

    def bind(self, keys: Sequence[str], stale: Sequence[str] = ()) -> None:
        """Bind the queue to the exchange by routing keys, and remove stale bindings."""
        for key in keys:
            self._channel.queue_bind(self.queue, self.settings.exchange, key)
        for key in stale:
            self._channel.queue_unbind(self.queue, self.settings.exchange, key)

    def consume(self, on_message: OnMessage) -> None:
        """Let the broker deliver, at most `prefetch` messages without acknowledgement."""
        self._channel.basic_qos(prefetch_count=self.settings.prefetch)
        self._channel.basic_consume(self.queue, on_message)

    def process(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for messages and heartbeats, and handle what has arrived."""
        self._connection.process_data_events(timeout)

    def acknowledge(self, tag: int) -> None:
        """Acknowledge every message up to a delivery tag."""
        self._channel.basic_ack(tag, multiple=True)

    def waiting(self) -> int:
        """Return how many messages of the queue were not delivered to anyone."""
        declared = self._channel.queue_declare(self.queue, passive=True)
        return int(declared.method.message_count)

    def wake(self) -> None:
        """End a running `process`. For any thread."""
        with suppress(exceptions.ConnectionWrongStateError):  # closed: nothing to wake
            self._connection.add_callback_threadsafe(lambda: None)

    def close(self) -> None:
        """Close the connection; what was not acknowledged is delivered again."""
        with suppress(exceptions.AMQPError, OSError):  # it may be broken already
            self._connection.close()

    def _on_cancel(self, _frame: object) -> None:
        self.cancelled = True

    def _on_blocked(self, _connection: object, frame: Any) -> None:
        self.blocked = str(frame.method.reason or "resources")[:200]

    def _on_unblocked(self, _connection: object, _frame: object) -> None:
        self.blocked = ""


def connection_parameters(
    settings: Settings, tls: ssl.SSLContext | None, client_properties: Mapping[str, Any]
) -> pika.ConnectionParameters:
    """Return pika's parameters of a connection."""
    credentials: ExternalCredentials | PlainCredentials
    if tls is not None and settings.certificate is not None:
        credentials = ExternalCredentials()  # the user is the certificate's
    else:
        credentials = PlainCredentials(settings.user, settings.password, erase_on_connect=False)
    return pika.ConnectionParameters(
        host=settings.host,
        port=settings.port,
        virtual_host=settings.virtual_host,
        credentials=credentials,
        heartbeat=settings.heartbeat,
        ssl_options=None if tls is None else pika.SSLOptions(tls, settings.host),
        connection_attempts=1,
        socket_timeout=_CONNECT_TIMEOUT,
        stack_timeout=2 * _CONNECT_TIMEOUT,
        client_properties=dict(client_properties),
        tcp_options=_KEEPALIVE,
    )
