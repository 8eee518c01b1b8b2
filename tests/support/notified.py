"""A web hook that receives notifications, counts them, and fails in the ways of real services."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Inbox", "inbox", "mailbox"]


class Inbox:
    """What has arrived.

    Attributes:
        received: the bodies of all requests, also of those that were not answered well.
        status: of the answers; 0: the connection is closed without one; -1: there is none in time.
        url: the address for Apprise.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.status = 200
        self.url = ""
        self.wake = threading.Event()  # ends answers that are being waited for

    @property
    def titles(self) -> list[str]:
        """The titles of what was accepted or not, in order."""
        return [message["title"] for message in self.received]


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Serve an inbox."""
    box = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            box.received.append(json.loads(self.rfile.read(length)))
            if box.status == -1:
                box.wake.wait(30)
            if box.status <= 0:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(box.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    box.url = f"json://127.0.0.1:{server.server_address[1]}/secret-path"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield box
    finally:
        box.wake.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Mail(socketserver.StreamRequestHandler):
    """The server's side of a connection for mail."""

    box: Inbox

    def handle(self) -> None:
        self.say("220 mail.example.org")
        receivers: list[str] = []
        while line := self.rfile.readline().decode().strip():
            command = line.upper()
            if command.startswith("DATA"):
                self.say("354 go on")
                if not self.take(receivers):
                    return
            elif command.startswith("QUIT"):
                self.say("221 bye")
                return
            else:
                if command.startswith("RCPT"):
                    receivers.append(line.partition(":")[2].strip("<> "))
                self.say("250 fine")

    def take(self, receivers: list[str]) -> bool:
        data = b""
        while (line := self.rfile.readline()) != b".\r\n":
            data += line
        message = email.message_from_bytes(data, policy=email.policy.default)
        body = message.get_body(("plain",))
        self.box.received.append(
            {
                "title": str(message["Subject"]),
                "message": "" if body is None else body.get_content(),
                "to": receivers,
            }
        )
        if self.box.status == 0:
            return False
        self.say("250 taken" if self.box.status == 200 else f"{self.box.status} no")
        return True

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def mailbox() -> Iterator[Inbox]:
    """Serve a mail server: `received` has the subject, the text and the receiver of each mail.

    `status` 0: it hangs up after a mail instead of taking it; any other than 200 refuses it.
    """
    box = Inbox()

    handler = type("Handler", (_Mail,), {"box": box})
    with _MailServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        port = server.server_address[1]
        box.url = (
            f"mailto://hubbub@example.org:{port}?smtp=127.0.0.1&mode=insecure&from=hubbub@example.org"
            "&to=team@example.org"
        )
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
