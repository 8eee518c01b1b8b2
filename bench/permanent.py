"""A permanent link gives the same bytes a month and ten million events later.

    python bench/permanent.py [--events 10000000] [--more 10000000] [--store FOLDER]

Pages, pictures and tables are fetched from their permanent links, of a store of `--events` events.
Then `--more` events of the same two years are added, rollups follow, the store is compacted and its
old files are deleted, so that the version of the links cannot be read any more. A server, its clock
a month later (libfaketime), must answer each link with the same bytes; the addresses without `at`
must give others. With `--store` a copy of that store is used.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
import time
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path

import scale
from _http import hubbub

from hubbub.store import Store

ADDRESSES = (
    "/view/tail.svg",
    "/view/volume.svg?per=week",
    "/view/tail.png?width=800&height=400",
    "/view/active_users.html",
    "/query/volume.html",
    "/query/users.csv",
    "/query/volume.json?per=week&axis=category",
)
LATER = ("faketime", "-f", "+31d")
PATIENCE = 600  # s for an answer, on a machine that does other things, too
LINK = "Hubbub-Permanent-Link"


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--more", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--store", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "store"
        if options.store is None:
            scale.load(store, options)
            scale.roll(store, options)
        else:
            shutil.copytree(options.store, store)
        before = fetch(store)
        began = time.monotonic()
        add(store, options)
        print(
            f"{options.more:,} events more, compacted: {time.monotonic() - began:.0f} s", flush=True
        )
        compare(store, before)


def get(connection: HTTPConnection, path: str) -> tuple[bytes, str]:
    """Return the body of an answer, and the address of its permanent link."""
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, (path, response.status, body[:500])
    return body, response.headers.get(LINK, "")


def fetch(store: Path) -> dict[str, tuple[str, bytes]]:
    """Return link and bytes of each address."""
    found = {}
    with hubbub(store, *_patient(store)) as running:
        connection = HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
        for path in ADDRESSES:
            _, link = get(connection, path)
            found[path] = link, get(connection, link)[0]
    return found


def _patient(store: Path) -> tuple[str, ...]:
    """Return options of a server whose answers may take long."""
    config = store.with_name("hubbub.toml")
    config.write_text(f'[serve]\ntimeout = "{PATIENCE}s"\n')
    return "--auth", "none", "--config", str(config)


def add(store: Path, options: argparse.Namespace) -> None:
    """Add events, and delete what belongs to the version before alone."""
    length = timedelta(days=options.days)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Store.open(store) as opened,
        opened.loader_lock(),
    ):
        batch = opened.table.batch()
        for number, part in enumerate(scale.parts(Path(scratch), options.more, length), 1):
            opened.table.append_rows([part], batch + number)
    scale.roll(store, options)
    scale.compact(store, options)


def compare(store: Path, before: dict[str, tuple[str, bytes]]) -> None:
    """Fetch the same links from a server whose clock is a month later."""
    with hubbub(store, *_patient(store), wrapper=LATER) as running:
        connection = HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
        for path, (link, old) in before.items():
            new, now = get(connection, link)[0], get(connection, path)[0]
            digest = hashlib.sha256(new).hexdigest()[:16]
            verdict = "the same bytes" if new == old else "OTHER BYTES"
            print(f"{path:45} {len(new):9,} bytes, sha256 {digest}…: {verdict}", flush=True)
            assert new == old, link
            assert now != old, f"{path} does not show the new events"


if __name__ == "__main__":
    main()
