"""Try a broker without consuming: connect, and look for the exchange and a known queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pika
from pika import exceptions

from hubbub.collector.amqp.certificates import tls_context
from hubbub.collector.amqp.configuration import client_properties
from hubbub.collector.amqp.consumer import connection_parameters
from hubbub.collector.amqp.failures import FAILURES, explain
from hubbub.collector.amqp.settings import Settings
from hubbub.errors import SourceError

__all__ = ["BrokerFacts", "probe"]


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What a broker said of itself."""

    product: str  # such as RabbitMQ 3.10.8; empty if it does not say
    waiting: int | None  # messages in the known queue; None: there is no such queue yet


def probe(settings: Settings, queue: str = "", version: str = "") -> BrokerFacts:
    """Connect to a broker, and close the connection; nothing is created there.

    Args:
        settings: of the broker.
        queue: of an earlier run; empty: none is known.
        version: of hubbub, for the broker's administrators.

    Raises:
        UsageError: a certificate cannot be used.
        SourceError: the broker cannot be reached, refuses us, or has no such exchange.
    """
    tls = tls_context(settings) if settings.encrypted else None
    properties = client_properties(settings, version)
    try:
        connection = pika.BlockingConnection(connection_parameters(settings, tls, properties))
        try:
            connection.channel().exchange_declare(settings.exchange, passive=True)
            return BrokerFacts(_product(connection), _waiting(connection, queue))
        finally:
            if connection.is_open:
                connection.close()
    except FAILURES as error:
        failure = explain(error, settings)
        raise SourceError(failure.what, where=settings.address, hint=failure.hint) from error


def _waiting(connection: pika.BlockingConnection, queue: str) -> int | None:
    if not queue:
        return None
    try:
        declared = connection.channel().queue_declare(queue, passive=True)
    except exceptions.ChannelClosedByBroker:
        return None
    return int(declared.method.message_count)


def _product(connection: Any) -> str:
    facts: Mapping[str, Any] = connection._impl.server_properties or {}  # noqa: SLF001  no public way
    return f"{facts.get('product', '')} {facts.get('version', '')}".strip()
