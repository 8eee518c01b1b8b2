"""Write what decoding makes of seeds and mutated messages, to compare two versions.

    python -m tests.fuzz.outcomes --inputs 200000 > new.txt
    PYTHONPATH=/path/to/other/src python -m tests.fuzz.outcomes --inputs 200000 > old.txt
    cmp old.txt new.txt

The first lines are digests of the messages of the corpus and the captures as they are, then one for
each thousand mutated messages. `--show N` writes the outcomes of the Nth thousand instead.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from random import Random

import msgspec

from hubbub.collector.event import Event, Frame
from hubbub.collector.people.reader import Reader
from hubbub.errors import MessageError
from tests.fuzz.run import _DIRECTORY, KINDS, Fuzzer, seeds

_PART = 1_000
_USUAL = ("zmq", "amqp", "history", "fedmsg", "jsonl", "post")


def outcome(reader: Reader, frame: Frame) -> bytes:
    """Return the events of a frame, or why it was refused, and why no names were found."""
    reader.missed.clear()
    try:
        understood = reader(frame)
    except MessageError as error:
        return repr((error.reason, str(error))).encode("utf-8", "surrogatepass")
    events = [understood] if isinstance(understood, Event) else understood
    shown = [
        repr((event.reason, str(event))).encode("utf-8", "surrogatepass")
        if isinstance(event, MessageError)
        else repr(msgspec.structs.astuple(event)).encode("utf-8", "surrogatepass")
        for event in events
    ]
    return b"\n".join([*shown, repr(sorted(reader.missed.items())).encode()])


def frames(inputs: int) -> Iterator[Frame]:
    """Yield every seed as a frame of each usual kind, and then mutated messages of all kinds."""
    for number, message in enumerate(seeds()):
        for kind in _USUAL:
            yield Frame(f"{kind}:x", 1, message.topic, message.body, number % 3)
    mutator = Fuzzer(0).mutator
    for number in range(inputs):
        random = Random(f"outcomes:{number}")
        message = mutator.message(random)
        yield Frame(f"{random.choice(KINDS)}:x", 1, message.topic, message.body, number % 3)


def main() -> None:
    """Write the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--show", type=int)
    options = parser.parse_args()
    readers = [Reader(), Reader(_DIRECTORY)]
    digest, part = hashlib.sha256(), 0
    for number, frame in enumerate(frames(options.inputs), 1):
        for reader in readers:
            found = outcome(reader, frame)
            digest.update(found)
            if part == options.show:
                print(number, repr(frame)[:300], found.decode("utf-8", "replace"), sep="\n")
        if number % _PART == 0:
            if options.show is None:
                print(part, digest.hexdigest())
            part += 1
    if options.show is None:
        print("all", digest.hexdigest())


if __name__ == "__main__":
    main()
