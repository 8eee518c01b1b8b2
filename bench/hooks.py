"""Deliveries per second that `/hook/NAME` takes: signed, one a request, durable when answered.

    python bench/hooks.py [--seconds 3] [--runs 3] [--connections 16] [--bytes 6000] [--folder DIR]

Prints the best rate of some runs and the processor time of the server for each request, beside both
of `/healthz` and of bare uvicorn in the same run: what HTTP costs here without any work. The folder
decides what an fsync costs: take a real disk. Budget: 2,000 deliveries a second.
"""

from __future__ import annotations

import argparse
import hmac
import json
import tempfile
from pathlib import Path

from _http import Request, bare, best, hubbub, report

SECRET = "0123456789"
BUDGET = 2_000  # deliveries a second


def main() -> None:
    """Measure bare uvicorn, `/healthz` and `/hook/github`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--bytes", type=int, default=6000)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    how = {name: getattr(options, name) for name in ("connections", "seconds", "runs")}
    with tempfile.TemporaryDirectory(dir=options.folder) as name, bare() as plain:
        config = Path(name) / "hubbub.toml"
        config.write_text(f'[hooks.github]\nsecret = "{SECRET}"\n')
        with hubbub(Path(name) / "store", "--config", config) as running:
            uvicorn = best(plain, lambda *_: _health("/"), **how)
            print(f"bare uvicorn  {uvicorn}")
            print(f"/healthz      {best(running, lambda *_: _health('/healthz'), **how)}")
            taken = best(running, deliveries(options.bytes), **how)
            print(f"/hook/github  {taken}, {taken.cost / uvicorn.cost:.1f} times that of uvicorn")
            report("/hook/github", taken.rate, BUDGET, "a second", least=True)


def _health(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def deliveries(size: int) -> Request:
    """Return requests as GitHub sends them, with a body of about so many bytes."""
    payload = {
        "action": "opened",
        "issue": {"number": 1, "body": "x" * max(0, size - 200)},
        "sender": {"login": "anna"},
        "repository": {"full_name": "example/web"},
    }
    body = json.dumps(payload).encode()
    signature = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    run = [0]  # each run has other ids

    def delivery(connection: int, number: int) -> bytes:
        run[0] += number == connection == 0
        return (
            "POST /hook/github HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
            f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n"
            "X-GitHub-Event: issues\r\n"
            f"X-GitHub-Delivery: bench-{run[0]}-{connection:04}-{number:012}\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\n\r\n"
        ).encode() + body

    return delivery


if __name__ == "__main__":
    main()
