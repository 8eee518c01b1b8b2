"""Reasons of failed connections that the integration tests do not meet."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from pika import exceptions
from pika.adapters.utils import connection_workflow as workflow

from hubbub.collector.amqp.failures import FAILURES, explain
from hubbub.collector.amqp.settings import parse_address
from hubbub.errors import SourceError

BROKER = parse_address("amqps://user@bus.example.org/%2Fv?exchange=e")


@pytest.mark.parametrize(
    ("error", "what", "permanent"),
    [
        (workflow.AMQPConnectorStackTimeout("x"), "the broker does not respond", False),
        (workflow.AMQPConnectorSocketConnectError(TimeoutError()), "does not respond", False),
        (exceptions.AMQPConnectionError(workflow.AMQPConnectorSocketConnectError(
            ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))),
         "cannot connect: Connection refused", False),
        (socket.gaierror(-2, "Name or service not known"), "bus.example.org is not known", False),
        (exceptions.IncompatibleProtocolError("x"), "does it require a client certificate?", False),
        (exceptions.ProtocolVersionMismatch(1, 2), "another version of AMQP", True),
        (exceptions.ProbableAuthenticationError("x"), "refuses the user 'user'", True),
        (exceptions.ConnectionClosedByBroker(530, "vhost"), "no virtual host '/v'", True),
        (exceptions.ConnectionClosedByBroker(320, "shutdown"), "closed the connection", False),
        (exceptions.ChannelClosedByBroker(404, "no exchange"), "no exchange 'e'", True),
        (exceptions.ChannelClosedByBroker(403, "no access"), "may not consume", True),
        (exceptions.ChannelClosedByBroker(405, "locked"), "has the queue for itself", False),
        (exceptions.ChannelClosedByBroker(406, "inequivalent"), "other properties", True),
        (exceptions.ChannelClosedByBroker(541, "x"), "closed the channel: 541", False),
        (exceptions.AMQPHeartbeatTimeout("x"), "the broker does not respond", False),
        (exceptions.StreamLostError("ssl/tls alert certificate required"),
         "requires a client certificate", True),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
         "does not speak TLS", True),
        (SourceError("said already", hint="h"), "said already", False),
        (exceptions.AMQPError("something else"), "the connection failed: something else", False),
    ],
    ids=str,
)  # fmt: skip
def test_a_failure_is_explained(error: BaseException, what: str, permanent: bool) -> None:
    assert isinstance(error, FAILURES)
    failure = explain(error, BROKER)
    assert what in failure.what
    assert failure.permanent == permanent


def test_a_peer_that_hangs_up_without_tls_may_be_anything() -> None:
    failure = explain(exceptions.IncompatibleProtocolError("x"), parse_address("amqp://h"))
    assert "not an AMQP 0-9-1 broker" in failure.what
    assert not failure.hung_up


def test_a_certificate_that_may_be_refused_is_tried_again_and_then_reported() -> None:
    settings = parse_address("amqps://h")
    settings = replace(settings, certificate=Path("c.pem"))
    failure = explain(exceptions.IncompatibleProtocolError("x"), settings)
    assert "does it accept the client certificate?" in failure.what
    assert failure.hung_up
    assert not explain(exceptions.StreamLostError("x"), settings).hung_up


def test_the_refusal_counts_rather_than_what_wraps_it() -> None:
    wrapped = exceptions.AMQPConnectionError("outer")
    wrapped.__cause__ = ssl.SSLCertVerificationError("x")
    wrapped.__cause__.verify_message = "certificate has expired"
    failure = explain(wrapped, BROKER)
    assert "certificate has expired" in failure.what
    assert failure.permanent
    wrapped.__cause__.__cause__ = wrapped  # a circle of causes ends
    assert explain(wrapped, BROKER) == failure
