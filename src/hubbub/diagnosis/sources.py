"""Checks of the configured sources: can each be reached, and does it speak what it should?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from hubbub import __version__
from hubbub.collector.amqp.certificates import expires
from hubbub.collector.amqp.probe import probe as probe_amqp
from hubbub.collector.amqp.settings import Settings
from hubbub.collector.history.probe import probe as probe_history
from hubbub.collector.zeromq.probe import probe as probe_zmq
from hubbub.diagnosis.check import Check, Level, from_error
from hubbub.errors import HubbubError
from hubbub.language.plurals import plural

__all__ = ["check_amqp", "check_certificates", "check_history", "check_zmq"]

_ZMQ_TIMEOUT = 5.0  # s
_WARN_DAYS = 60  # before a certificate expires
_CLOCK_TOLERANCE = 5.0  # s


def check_zmq(addresses: Sequence[str]) -> Iterator[Check]:
    """Check that publishers complete the ZeroMQ handshake."""
    try:
        faults = probe_zmq(addresses, _ZMQ_TIMEOUT)
    except HubbubError as error:
        yield from_error("ZeroMQ", error)
        return
    for address, fault in faults.items():
        if fault:
            hint = "is the address right, is the publisher up, is the port open?"
            yield Check(address, Level.FAILED, fault, hint)
        else:
            yield Check(address, Level.OK, "a ZeroMQ publisher answers")


def check_amqp(settings: Settings, queue: str) -> Check:
    """Check that a broker lets us in, and has the exchange.

    Args:
        settings: of the broker.
        queue: that the store remembers; empty: none yet.
    """
    try:
        facts = probe_amqp(settings, queue, __version__)
    except HubbubError as error:
        return from_error(settings.address, error)
    who = facts.product or "an AMQP broker"
    what = f"{who} answers and has the exchange {settings.exchange}"
    if facts.waiting is not None:
        what += f"; {plural(facts.waiting, 'message waits', 'messages wait')} in our queue"
    elif queue and not settings.temporary:
        what += "; the queue of an earlier run is gone"
        return Check(settings.address, Level.WARNING, what, "what waited in it is a gap")
    return Check(settings.address, Level.OK, what)


def check_certificates(settings: Settings) -> Check | None:
    """Check when the certificates of a broker expire; None: it has none of its own."""
    name = f"certificates of {settings.address}"
    try:
        last = expires(settings)
    except HubbubError as error:
        return from_error(name, error)
    if last is None:
        return None
    days = (last - datetime.now(UTC)).days
    what = f"the first expires on {last:%Y-%m-%d}, in {plural(days, 'day')}"
    if days < 0:
        hint = "get current ones from the bus's administrators or package"
        return Check(name, Level.FAILED, f"one expired on {last:%Y-%m-%d}", hint)
    if days < _WARN_DAYS:
        return Check(name, Level.WARNING, what, "replace it, and restart the listener")
    return Check(name, Level.OK, what)


def check_history(url: str) -> Iterator[Check]:
    """Check that a history service answers, and that our clock agrees with it."""
    try:
        facts = probe_history(url)
    except HubbubError as error:
        yield from_error(f"history {url}", error)
        return
    yield Check(f"history {url}", Level.OK, f"{plural(facts.messages, 'message')} in the last hour")
    if facts.clock is None:
        return
    if abs(facts.clock) > _CLOCK_TOLERANCE:
        which = "ahead of" if facts.clock > 0 else "behind"
        what = f"our clock is {abs(facts.clock):,.0f} s {which} that of the history service"
        yield Check("clock", Level.FAILED, what, "set the clock: timedatectl set-ntp true")
    else:
        yield Check("clock", Level.OK, "agrees with that of the history service")
