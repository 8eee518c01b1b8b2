"""Explain why a connection to a broker failed: what, what next, and whether waiting can help."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pika import exceptions
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from hubbub.collector.amqp.settings import Settings
from hubbub.errors import HubbubError

__all__ = ["FAILURES", "Failure", "explain"]

#: What connecting and consuming raise. `ssl.SSLError` and `socket.gaierror` are OSErrors.
FAILURES = (
    exceptions.AMQPError,
    exceptions.ChannelError,
    AMQPConnectorException,
    OSError,
    HubbubError,
)

_ACCESS_REFUSED, _NOT_FOUND, _LOCKED, _PRECONDITION, _NOT_ALLOWED = 403, 404, 405, 406, 530
_ALERTS = {  # of TLS, in messages of OpenSSL, which come without a code after the handshake
    "unknown ca": "the broker does not accept the CA of the client certificate",
    "certificate expired": "the broker says that the client certificate has expired",
    "certificate revoked": "the broker says that the client certificate was revoked",
    "certificate required": "the broker requires a client certificate",
    "bad certificate": "the broker does not accept the client certificate",
    "handshake failure": "the broker refuses the TLS handshake; is a client certificate needed?",
    "wrong version number": "the broker does not speak TLS on this port",
    "unsupported protocol": "the broker speaks only versions of TLS that are no longer safe",
}
_CERTIFICATE_HINT = "check --amqp-ca, --amqp-cert and --amqp-key"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a connection failed."""

    what: str
    hint: str = ""
    permanent: bool = False  # a repetition fails too, until a setting or the broker changes
    hung_up: bool = False  # after TLS, without a reason: probably a refusal, too


def explain(error: BaseException, settings: Settings) -> Failure:
    """Return the reason for an error of `FAILURES`."""
    causes = list(_causes(error))
    for cause in causes:
        failure = _tls(cause) or _refusal(cause, settings) or _channel(cause, settings)
        if failure is not None:
            return failure
    if settings.encrypted and settings.certificate is None and _hung_up(causes):
        what = "the broker closes the connection after TLS; does it require a client certificate?"
        return Failure(what, _CERTIFICATE_HINT, hung_up=True)
    if settings.encrypted and settings.certificate is not None and _ended_at_once(causes):
        what = "the broker closes the connection after TLS; does it accept the client certificate?"
        return Failure(what, _CERTIFICATE_HINT, hung_up=True)
    for cause in causes:
        failure = _network(cause, settings)
        if failure is not None:
            return failure
    if isinstance(error, HubbubError):
        return Failure(error.what, error.hint)
    text = str(error).strip() or type(error).__name__
    return Failure(f"the connection failed: {text[:200]}")


def _hung_up(causes: Sequence[BaseException]) -> bool:
    """Whether the connection ended while AMQP began; before, TLS succeeded."""
    closed = (
        exceptions.IncompatibleProtocolError,
        exceptions.StreamLostError,
        ConnectionResetError,
    )
    return any(isinstance(cause, closed) for cause in causes)


def _ended_at_once(causes: Sequence[BaseException]) -> bool:
    """Whether the connection ended before AMQP began; the reason may have been lost on the way."""
    return any(isinstance(cause, exceptions.IncompatibleProtocolError) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it wraps, in pika's ways and Python's."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        wrapped = [getattr(error, "exception", None), error.__cause__, error.__context__]
        wrapped += [*getattr(error, "exceptions", ()), *error.args]
        waiting += [each for each in wrapped if isinstance(each, BaseException)]


def _tls(error: BaseException) -> Failure | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"the broker's certificate is not accepted: {error.verify_message}"
        hint = "is --amqp-ca the CA of this bus, and the host spelt as in the certificate?"
        return Failure(what, hint, permanent=True)
    text = str(error).lower().replace("_", " ")
    if isinstance(error, ssl.SSLError) or "ssl" in text or "tlsv1" in text:
        for alert, what in _ALERTS.items():
            if alert in text:
                return Failure(what, _CERTIFICATE_HINT, permanent=True)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Failure(f"TLS failed: {error.reason or error}", _CERTIFICATE_HINT, permanent=True)
    return None


def _refusal(error: BaseException, settings: Settings) -> Failure | None:
    if isinstance(error, exceptions.AuthenticationError | exceptions.ProbableAuthenticationError):
        if settings.certificate is not None:
            what = "the broker refuses the user of this client certificate"
            return Failure(what, _CERTIFICATE_HINT, permanent=True)
        what = f"the broker refuses the user {settings.user!r} or the password"
        return Failure(what, "write amqps://USER:PASSWORD@HOST/VHOST", permanent=True)
    code = error.reply_code if isinstance(error, exceptions.ConnectionClosed) else None
    if code == _ACCESS_REFUSED:
        return Failure(
            f"the broker refuses the user {settings.user!r} or the password",
            "write amqps://USER:PASSWORD@HOST/VHOST",
            permanent=True,
        )
    if code == _NOT_ALLOWED or isinstance(error, exceptions.ProbableAccessDeniedError):
        what = f"the broker has no virtual host {settings.virtual_host!r} for this user"
        return Failure(what, "write / in its name as %2F in the address", permanent=True)
    if isinstance(error, exceptions.ProtocolVersionMismatch):
        return Failure("the broker speaks another version of AMQP than 0-9-1", permanent=True)
    return None


def _channel(error: BaseException, settings: Settings) -> Failure | None:
    if not isinstance(error, exceptions.ChannelClosedByBroker):
        return None
    if error.reply_code == _NOT_FOUND:
        what = f"the broker has no exchange {settings.exchange!r}"
        if settings.passive:
            what += f" or no queue {settings.queue!r}"
        return Failure(what, "write ?exchange=NAME in the address", permanent=True)
    if error.reply_code == _ACCESS_REFUSED:
        what = f"the user {settings.user!r} may not consume here: {error.reply_text}"
        return Failure(what, "ask the bus's administrators", permanent=True)
    if error.reply_code == _LOCKED:
        return Failure(f"another connection has the queue for itself: {error.reply_text}")
    if error.reply_code == _PRECONDITION:
        what = f"the queue exists with other properties: {error.reply_text}"
        return Failure(what, "name another queue, or delete this one", permanent=True)
    return Failure(f"the broker closed the channel: {error.reply_code} {error.reply_text}")


def _network(error: BaseException, settings: Settings) -> Failure | None:
    what = hint = ""
    if isinstance(error, socket.gaierror):
        what = f"the host {settings.host} is not known: {error.strerror}"
    elif isinstance(error, exceptions.IncompatibleProtocolError):
        what = "the peer closes the connection: it is not an AMQP 0-9-1 broker, or refuses this one"
        hint = "are scheme (amqp or amqps) and port right?"
    elif isinstance(error, exceptions.ConnectionClosed):
        what = f"the broker closed the connection: {error.reply_text}"
    elif isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower():
        what = "the broker does not respond"
        hint = "is the peer an AMQP broker, and are scheme (amqp or amqps) and port right?"
    elif isinstance(error, OSError) and error.strerror:
        what = f"cannot connect: {error.strerror}"
    return Failure(what, hint) if what else None
