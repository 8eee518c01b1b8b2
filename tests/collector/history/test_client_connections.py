"""Requests over real connections that misbehave, and their deadline."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hubbub.collector.history.client import History
from hubbub.collector.history.retry import RetryPolicy
from tests.support.history.history_client import ONE_ROW, error_of


class FaultyHandler(BaseHTTPRequestHandler):
    """Cuts connections, or sends bytes very slowly."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path.startswith("/cut"):
            self.send_header("Content-Length", str(len(ONE_ROW) + 10))
            self.end_headers()
            self.wfile.write(ONE_ROW.encode())
            self.close_connection = True
            return
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1_000):
            try:
                self.wfile.write(b" ")
            except OSError:
                break
            time.sleep(0.02)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("kind", "timeout", "words"),
    [("cut", 5, "the connection failed: .*read"), ("drip", 0.5, "did not end within 2")],
)
def test_real_connections_that_misbehave(kind, timeout, words):
    server = ThreadingHTTPServer(("127.0.0.1", 0), FaultyHandler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    retry = RetryPolicy(pause=lambda _: None, first_attempts=2)
    history = History(f"http://127.0.0.1:{server.server_port}/{kind}", timeout=timeout, retry=retry)
    try:
        error_of(history, words)
    finally:
        history.close()
        server.shutdown()
        server.server_close()


FIRST = {
    "header": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=",
    "closed chunk": b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5;x=",
    "body": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "until the end": b"HTTP/1.0 200 OK\r\n\r\n" + ONE_ROW.encode(),
    "continue": b"",
    "status": b"HT",
}
MORE = {"continue": b"HTTP/1.1 100 Continue\r\n\r\n", "body": b"1\r\n \r\n", "until the end": b" "}


@pytest.mark.parametrize("kind", FIRST)
def test_a_request_has_one_deadline_whatever_drips(kind):
    def talk(connection):
        try:
            connection.recv(65536)
            connection.sendall(FIRST[kind])
            while True:
                connection.sendall(MORE.get(kind, b"a"))
                time.sleep(0.05)
        except OSError:
            connection.close()

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, daemon=True).start()
    retry = RetryPolicy(pause=lambda _: None, first_attempts=2)
    port = server.getsockname()[1]
    history = History(f"http://127.0.0.1:{port}", timeout=0.25, retry=retry)
    begun = time.monotonic()
    try:
        error_of(history, "did not end within 1 s, 2 times in a row")
    finally:
        history.close()
        server.close()
    assert 2 <= time.monotonic() - begun < 20


def test_a_port_without_a_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), FaultyHandler)
    server.server_close()
    history = History(f"http://127.0.0.1:{server.server_port}", retry=RetryPolicy(first_attempts=1))
    error = error_of(history, "connection failed: (Failed|\\[Errno).*refused", "check the address")
    assert "object at 0x" not in str(error)
    assert "HTTPConnection" not in str(error)


def test_an_interim_answer_is_never_followed_by_the_answer_to_another_question():
    """103 Early Hints: the 200 that follows it belongs to the same request."""
    page = ONE_ROW.encode()
    answers = [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b""]
    questions: list[bytes] = []

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                while question := connection.recv(65536):
                    questions.append(question)
                    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page)
                    stale = page.replace(b'"total": 1', b'"total": 0') if answers[0] else page
                    connection.sendall(answers.pop(0) + head + stale)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        retry = RetryPolicy(pause=lambda _: None)
        history = History(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=5, retry=retry)
        assert history.window(1, 2).total == 1
        history.close()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert len(questions) == 2
