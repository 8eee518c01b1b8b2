"""Consume a queue with fedora-messaging's consumer; print messages per second.

usage: _fedora_consumer.py URL QUEUE MESSAGES; run by bench/amqp.py with fedora-messaging's Python.
"""

import sys
import time
from contextlib import suppress

from fedora_messaging import api, config
from fedora_messaging.exceptions import HaltConsumer

url, queue, messages = sys.argv[1], sys.argv[2], int(sys.argv[3])
config.conf.setup_logging = lambda: None
config.conf._loaded = True  # noqa: SLF001  no file is read
config.conf.update(config.DEFAULTS)
config.conf["amqp_url"] = url
config.conf["qos"] = {"prefetch_size": 0, "prefetch_count": 25}  # as Fedora ships it
count, started = 0, 0.0


def callback(_message) -> None:
    global count, started  # noqa: PLW0603
    started = started or time.perf_counter()
    count += 1
    if count == messages:
        print((count - 1) / (time.perf_counter() - started), flush=True)
        raise HaltConsumer


properties = {"durable": True, "auto_delete": False, "exclusive": False, "arguments": {}}
bindings = [{"queue": queue, "exchange": "amq.topic", "routing_keys": [queue]}]
with suppress(HaltConsumer):
    api.consume(callback, bindings=bindings, queues={queue: properties})
