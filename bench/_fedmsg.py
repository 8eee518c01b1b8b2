"""fedmsg's two ways to receive, without validation, as a comparison for `hubbub listen`.

usage: fedmsg's python bench/_fedmsg.py (hub|tail) PORT MESSAGES

Prints the messages per second from the first to the last, as `{"rate": …}`. It ends only when it
has received all, so that the caller times out if messages are lost.

`hub` is what a project that listens with fedmsg deploys: a FedmsgConsumer in moksha's hub, as in
the command fedmsg-hub (fedmsg.commands.hub). `tail` is the generator behind fedmsg-tail.
"""

from __future__ import annotations

import json
import logging
import sys
import time


def settings(port: int) -> dict[str, object]:
    """fedmsg's defaults, except for the address of the bus and unlimited queues (no loss)."""
    from fedmsg.config import conf

    endpoint = f"tcp://127.0.0.1:{port}"
    conf.load_config(settings={
        "endpoints": {"bench": [endpoint]}, "zmq_subscribe_endpoints": endpoint,
        "validate_signatures": False, "high_water_mark": 0, "mute": True, "zmq_linger": 0,
        "environment": "dev", "topic_prefix": "org.fedoraproject", "zmq_enabled": True,
        "bench.counting": True})  # fmt: skip
    return dict(conf)


def hub(port: int, messages: int) -> float:
    """Measure the messages per second that reach `consume`, which only counts them."""
    # Moksha warns that there is no AMQP and that nothing is published: both are intended.
    logging.getLogger("moksha").setLevel(logging.ERROR)
    from fedmsg.consumers import FedmsgConsumer
    from moksha.hub import main
    from moksha.hub.reactor import reactor

    times: list[float] = []  # of the first and of the last message, s

    class Counting(FedmsgConsumer):
        topic = "org.fedoraproject.*"
        config_key = "bench.counting"
        validate_signatures = False
        seen = 0

        def consume(self, _message) -> None:
            self.seen += 1
            if self.seen in (1, messages):
                times.append(time.perf_counter())
            if self.seen == messages:
                reactor.callFromThread(self.hub.stop)
                reactor.callFromThread(reactor.stop)

    main(options=settings(port), consumers=[Counting], framework=False)
    start, end = times
    return (messages - 1) / (end - start)


def tail(port: int, messages: int) -> float:
    """Measure the decoded messages per second of the generator."""
    from fedmsg.core import FedMsgContext

    received = FedMsgContext(**settings(port)).tail_messages()
    next(received)
    start = time.perf_counter()
    for _ in range(messages - 1):
        next(received)
    return (messages - 1) / (time.perf_counter() - start)


if __name__ == "__main__":
    mode, *numbers = sys.argv[1:]
    print(json.dumps({"rate": {"hub": hub, "tail": tail}[mode](*map(int, numbers))}))
