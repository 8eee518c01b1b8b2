"""Consumption rates of AMQP: hubbub, durable, against plain pika and fedora-messaging's consumer.

usage: python bench/amqp.py [MESSAGES] [ROUNDS]

Each of them in turn consumes a queue of the same 1.5 kB messages, in a process of its own. Plain
pika acknowledges 500 messages at a time and does nothing with them; hubbub acknowledges what is on
the disk; fedora-messaging calls a callback that only counts. Needs a broker ($AMQP_URL, by default
amqp://guest:guest@127.0.0.1:5672/) and, for the last, what tests/integration/peers/setup.sh has
installed.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pika

HERE = Path(__file__).parent
URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/")
LAB = Path(os.environ.get("LAB_TMP") or Path(tempfile.gettempdir()) / "hublab")
FEDORA = LAB / "venv-dg/bin/python"
TOPIC = "org.fedoraproject.dev.wiki.article.edit"
BATCH = 500  # messages that plain pika acknowledges together
PREFETCH = 8_000
FEDORA_SHARE = 10  # of the messages, fedora-messaging consumes one in so many


def connect() -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(URL))


def fill(queue: str, messages: int) -> None:
    """Publish messages of fedora-messaging's form into a queue."""
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    for n in range(messages):
        user = f"user-{n % 50}"
        body = {"title": f"Page {n}", "summary": "s" * 1_100, "minor_edit": False, "user": user,
                "url": "https://e/", "diff_url": "https://e/d", "page_url": "https://e/p",
                "revision": {}}  # fmt: skip
        headers = {"fedora_messaging_schema": "wiki.article.edit.v1",
                   "fedora_messaging_severity": 20, "sent-at": "2026-11-28T10:00:00+00:00",
                   f"fedora_messaging_user_{user}": True}  # fmt: skip
        properties = pika.BasicProperties(
            message_id=str(uuid.uuid4()), headers=headers, delivery_mode=2,
            content_type="application/json", content_encoding="utf-8",
        )  # fmt: skip
        channel.basic_publish("", queue, json.dumps(body).encode(), properties)
    connection.close()


def delete(queue: str) -> None:
    connection = connect()
    connection.channel().queue_delete(queue)
    connection.close()


def plain_pika(queue: str, messages: int) -> float:
    """Consume with pika's generator, its fastest way here, and acknowledge by batches."""
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    n, started = 0, 0.0
    for method, _, _ in channel.consume(queue):
        started = started or time.perf_counter()
        n += 1
        if n % BATCH == 0 or n == messages:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if n == messages:
            break
    rate = (n - 1) / (time.perf_counter() - started)
    connection.close()
    return rate


def hubbub(queue: str, messages: int) -> float:
    """Consume until all messages are durable and acknowledged."""
    import structlog

    from hubbub import memory
    from hubbub.collector.listening.listener import Listener
    from hubbub.collector.sources.amqp import AmqpSource, from_address
    from hubbub.store.spool.writer import SpoolWriter

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    memory.retain_freed()

    class Nothing:
        def get(self, _key: str) -> None:
            return None

        def set(self, _key: str, _value: object) -> None:
            pass

    source = AmqpSource(from_address(f"{URL}?queue={queue}"), (TOPIC, queue))
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
        receiver = source.receiver(Nothing())  # type: ignore[arg-type]
        receiver.open()
        started = time.perf_counter()
        sink = SpoolWriter(Path(folder), "bench")
        listener = Listener([receiver], sink)

        def stop_at_end() -> None:
            if listener.counts().stored >= messages:
                listener.stop()

        flush = sink.flush
        end = [0.0]

        def recording_flush() -> None:
            flush()
            if sink.durable >= messages and not end[0]:
                end[0] = time.perf_counter()

        sink.flush = recording_flush  # type: ignore[method-assign]
        listener.on_tick = stop_at_end
        listener.run()
        receiver.close()
        return messages / (end[0] - started)


def measure(kind: str, messages: int) -> float:
    """Return messages per second of one consumer, in a process of its own."""
    queue = f"hubbub-bench-{uuid.uuid4()}"
    fill(queue, messages)
    if kind == "fedora-messaging":
        command = [FEDORA, HERE / "_fedora_consumer.py", URL, queue, str(messages)]
    else:
        command = [sys.executable, __file__, "--run", kind, queue, str(messages)]
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{kind}: {error.stderr[-2000:]}") from error
    finally:
        delete(queue)
    return float(out.split()[-1])


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    kinds = {"plain pika": messages, "hubbub, durable": messages}
    if FEDORA.exists():
        kinds["fedora-messaging"] = max(messages // FEDORA_SHARE, 100)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, number in kinds.items():
            rates[kind].append(measure(kind, number))
    medians = {kind: statistics.median(values) for kind, values in rates.items()}
    for kind, rate in medians.items():
        ratio = medians["hubbub, durable"] / rate
        print(f"{kind:18}{rate:10,.0f} messages/s   hubbub: {ratio:6.2f} times")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run = plain_pika if sys.argv[2] == "plain pika" else hubbub
        print(run(sys.argv[3], int(sys.argv[4])))
    else:
        main()
