"""fedmsg's own two ways to listen, without validation: what `hubbub listen` is measured against.

usage: fedmsg's python bench/_fedmsg.py (hub|tail) PORT MESSAGES

Prints the messages a second from the first to the last, as `{"rate": …}`. It ends only when it has
all, so a loss is no rate but a timeout of whoever called.

`hub` is what a project that listens with fedmsg deploys: a FedmsgConsumer that moksha's hub runs,
as the command fedmsg-hub does (fedmsg.commands.hub). `tail` is the generator behind fedmsg-tail.
"""

from __future__ import annotations

import json
import logging
import sys
import time


def settings(port: int) -> dict[str, object]:
    """fedmsg's defaults, but for where the bus is, and queues without a limit: nothing is lost."""
    from fedmsg.config import conf

    endpoint = f"tcp://127.0.0.1:{port}"
    conf.load_config(settings={
        "endpoints": {"bench": [endpoint]}, "zmq_subscribe_endpoints": endpoint,
        "validate_signatures": False, "high_water_mark": 0, "mute": True, "zmq_linger": 0,
        "environment": "dev", "topic_prefix": "org.fedoraproject", "zmq_enabled": True,
        "bench.counting": True})  # fmt: skip
    return dict(conf)


def hub(port: int, messages: int) -> float:
    """Messages a second that reach `consume`, which does nothing but count them."""
    logging.getLogger("moksha").setLevel(logging.ERROR)  # no AMQP, nothing published: intended
    from fedmsg.consumers import FedmsgConsumer
    from moksha.hub import main
    from moksha.hub.reactor import reactor

    moments: list[float] = []  # of the first message and of the last one, s

    class Counting(FedmsgConsumer):
        topic = "org.fedoraproject.*"
        config_key = "bench.counting"
        validate_signatures = False
        seen = 0

        def consume(self, _message) -> None:
            self.seen += 1
            if self.seen in (1, messages):
                moments.append(time.perf_counter())
            if self.seen == messages:
                reactor.callFromThread(self.hub.stop)
                reactor.callFromThread(reactor.stop)

    main(options=settings(port), consumers=[Counting], framework=False)
    begun, ended = moments
    return (messages - 1) / (ended - begun)


def tail(port: int, messages: int) -> float:
    """Messages a second that the generator gives, decoded."""
    from fedmsg.core import FedMsgContext

    received = FedMsgContext(**settings(port)).tail_messages()
    next(received)
    begun = time.perf_counter()
    for _ in range(messages - 1):
        next(received)
    return (messages - 1) / (time.perf_counter() - begun)


if __name__ == "__main__":
    way, *numbers = sys.argv[1:]
    print(json.dumps({"rate": {"hub": hub, "tail": tail}[way](*map(int, numbers))}))
