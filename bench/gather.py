"""gather with 16 connections to a server with 50 ms of latency, relative to the ideal rate.

usage: gather.py [ROWS] [JOBS] [LATENCY in s]

The ideal is 16 responses every 50 ms, each a full page. The server runs in another process and
prepares its pages before; the store is a real one.
"""

import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

from hubbub.collector.history.client import ROWS, History
from hubbub.collector.history.gather import gather
from hubbub.store import Store

FIRST, SPAN = 1_790_000_000, 7 * 86_400


def serve(rows: int, latency: float, ready: multiprocessing.SimpleQueue) -> None:
    """Serve a datagrepper's /v2/search over `rows` messages of 1 kB, after `latency` seconds."""
    times = [FIRST + n * SPAN // rows for n in range(rows)]
    texts = [
        json.dumps(
            {
                "body": {"user": f"user{n % 97}", "fill": "x" * 800},
                "headers": {"sent-at": datetime.fromtimestamp(when, UTC).isoformat()},
                "id": f"{n:032x}",
                "topic": "org.example.prod.wiki.article.edit",
            }
        )
        for n, when in enumerate(times)
    ]

    def page(target: str) -> bytes:
        query = {key: value[0] for key, value in parse_qs(urlsplit(target).query).items()}
        low = bisect_left(times, float(query["start"]))
        high = bisect_left(times, float(query["end"]))
        size = int(query["rows_per_page"]) or max(high - low, 1)
        messages = texts[low : min(high, low + size)]
        total, pages = high - low, -(-(high - low) // size)
        tail = f'], "total": {total}, "pages": {pages}, "count": {len(messages)}}}'
        return ('{"raw_messages": [' + ",".join(messages) + tail).encode()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            due = asyncio.get_running_loop().time() + latency
            body = page(line.split()[1].decode())
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(respond, "127.0.0.1", 0)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def fetch_only(url: str, rows: int, jobs: int) -> float:
    """Return the seconds for fetching as many full pages with `jobs` connections, unread."""
    pages = iter(range(rows // ROWS))

    def fetch(_: int) -> None:
        connection = HTTPConnection(urlsplit(url).netloc)
        for n in pages:
            start = FIRST + n * ROWS * SPAN // rows
            query = f"start={start}&end={FIRST + SPAN}&rows_per_page={ROWS}"
            connection.request("GET", f"/v2/search?{query}")
            connection.getresponse().read()

    start_time = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(fetch, range(jobs)))
    return time.perf_counter() - start_time


def main(rows: int = 60_000, jobs: int = 16, latency: float = 0.05) -> None:
    ready = multiprocessing.SimpleQueue()
    server = multiprocessing.Process(target=serve, args=(rows, latency, ready), daemon=True)
    server.start()
    history = History(f"http://127.0.0.1:{ready.get()}")
    span = [datetime.fromtimestamp(second, UTC) for second in (FIRST, FIRST + SPAN)]
    plain = fetch_only(history.url, rows, jobs)
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        start_time, cpu = time.perf_counter(), time.process_time()
        with store.spool("gather") as sink:
            done = gather(history, sink, store.state, start=span[0], end=span[1], jobs=jobs)
        seconds, cpu = time.perf_counter() - start_time, time.process_time() - cpu
    server.terminate()
    assert done.rows >= rows
    assert not done.incomplete
    ideal = rows / ROWS * latency / jobs
    print(
        f"gather: {rows:,} rows, {jobs} connections, {latency * 1000:g} ms: {seconds:.2f} s, "
        f"{done.requests} requests ({rows / ROWS:.0f} pages), {cpu / done.requests * 1000:.1f} ms "
        f"CPU a request, {done.requests * latency / jobs / seconds:.2f} of jobs/latency, "
        f"{ideal / seconds:.2f} x ideal (budget 0.8); fetching alone: "
        f"{ideal / plain:.2f} x ideal"
    )


if __name__ == "__main__":
    kinds = (int, int, float)
    main(*(kind(text) for kind, text in zip(kinds, sys.argv[1:], strict=False)))
