"""The AMQP source: Fedora Messaging, openSUSE's bus, or any broker of AMQP 0-9-1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubbub.collector.amqp.certificates import find_fedora_certificates
from hubbub.collector.amqp.configuration import read_configuration
from hubbub.collector.amqp.receiver import AmqpReceiver
from hubbub.collector.amqp.settings import (
    Certificates,
    Settings,
    parse_address,
    with_certificates,
)
from hubbub.collector.decode.rejected import MAX_MESSAGE
from hubbub.collector.event import Ledger
from hubbub.collector.sources.live import LiveSource

__all__ = ["AmqpSource", "Certificates", "from_address", "from_file"]

_NONE = Certificates()


@dataclass(frozen=True, slots=True)
class AmqpSource(LiveSource):
    """One queue of one broker.

    Args:
        settings: of the broker.
        topics: prefixes or binding patterns; those of the settings, or all, if empty.
        max_message: bytes of the largest body that is kept whole.
        version: of hubbub, which the broker's administrators see.
    """

    settings: Settings
    topics: Sequence[str] = ()
    max_message: int = MAX_MESSAGE
    version: str = ""
    name = "amqp"

    def receiver(self, ledger: Ledger) -> AmqpReceiver:
        """Return a receiver, not open yet; the ledger remembers its queue."""
        return AmqpReceiver(
            self.settings,
            self.topics,
            ledger,
            version=self.version,
            max_message=self.max_message,
        )


def from_address(address: str, certificates: Certificates = _NONE) -> Settings:
    """Return the settings of `--amqp ADDRESS`.

    Raises:
        UsageError: not an address, or Fedora's certificates were not found.
    """
    settings = parse_address(address)
    settings = with_certificates(settings, certificates, settings)
    return find_fedora_certificates(settings) if address == "fedora" else settings


def from_file(path: Path, certificates: Certificates = _NONE) -> Settings:
    """Return the settings of `--amqp-config FILE`.

    Raises:
        UsageError: see `read_configuration`.
    """
    settings = read_configuration(path)
    return with_certificates(settings, certificates, settings)
