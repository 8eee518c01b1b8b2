"""The process that sends: a request on each line of standard input, an outcome on each of output.

Apprise is imported in this process alone: it needs 30 MB, and a service that hangs can be ended
without harm to others. A request is `{"url", "title", "body"}`, without a body the address is only
checked; an outcome is
`{"outcome": "sent" | "refused" | "unsure", "why"}`. The words of `why` are hubbub's own: texts of
errors contain addresses, and addresses contain passwords.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apprise import Apprise

__all__ = ["UNREADABLE", "classify", "main", "open_channel"]

UNREADABLE = "Apprise cannot read the address of this channel"

#: Nothing reached the service, in words of requests, urllib3 and the standard library.
_BEFORE = (
    (r"NameResolutionError|Name or service not known|failure in name resolution|nodename nor",
     "the host is not known"),
    (r"ConnectTimeoutError|connect timeout", "no connection within the time limit"),
    (r"Connection refused", "the connection was refused"),
    (r"SSLError|CERTIFICATE_VERIFY_FAILED|certificate verify failed",
     "the certificate of the service is not valid"),
    (r"ProxyError", "the proxy does not answer"),
    (r"No route to host|Network is unreachable", "the network cannot be reached"),
    (r"NewConnectionError", "no connection"),
    (r"Authentication(Error| failed| unsuccessful|Required)|535 ", "the login was refused"),
)  # fmt: skip
#: The connection broke after it was made: the service may have the message.
_AFTER = re.compile(
    r"timed out|Connection aborted|RemoteDisconnected|Connection reset|BadStatusLine|IncompleteRead"
    r"|ChunkedEncodingError|Connection broken|Connection unexpectedly closed|Broken pipe"
    r"|ProtocolError",
    re.IGNORECASE,
)
_STATUS = re.compile(r"error=(\d{3})\b")
_SENT = re.compile(r"\bSent\b")


def classify(log: str) -> tuple[str, str]:
    """Return the outcome of a message that Apprise calls not sent, and why.

    Args:
        log: what Apprise logged meanwhile.
    """
    if _SENT.search(log):
        return "unsure", "only a part of its receivers, or of the message, was reached"
    for pattern, why in _BEFORE:
        if re.search(pattern, log):
            return "refused", why
    if status := _STATUS.search(log):
        return "refused", f"the service answered with status {status[1]}"
    if _AFTER.search(log):
        return "unsure", "the connection broke before the service answered"
    return "refused", "the service did not take it"


def open_channel(url: str) -> Apprise | None:
    """Return Apprise with one channel; None if it cannot read the address."""
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    asset = AppriseAsset(
        app_id="hubbub",
        app_desc="hubbub",
        async_mode=False,
        secure_logging=True,
        storage_mode=PersistentStoreMode.MEMORY,  # no files of its own
        plugin_paths=[],
        allow_templates=False,
        interpret_emojis=False,
        image_url_mask="",
        image_url_logo="",
    )
    service = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        return None
    service.retry = 0  # hubbub retries, and knows what may have been received
    apprise = Apprise(asset=asset)
    apprise.add(service)
    return apprise


def _send(request: dict[str, Any]) -> tuple[str, str]:
    from apprise import LogCapture, NotifyFormat

    apprise = open_channel(request["url"])
    if apprise is None:
        return "refused", UNREADABLE
    if request["body"] is None:  # only to be checked
        return "sent", ""
    with LogCapture(level=logging.DEBUG) as log:  # type: ignore[no-untyped-call]
        sent = apprise.notify(
            body=request["body"],
            title=request["title"],
            body_format=NotifyFormat.TEXT,
            interpret_escapes=False,
        )
        if sent:
            return "sent", ""
        return classify(log.getvalue())


def main() -> None:
    """Serve requests until the end of standard input."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # a service that prints must not disturb the answers
    import apprise  # noqa: F401 - before it is said to be ready

    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        outcome, why = _send(json.loads(line))
        print(json.dumps({"outcome": outcome, "why": why}), file=answers, flush=True)


if __name__ == "__main__":
    main()
