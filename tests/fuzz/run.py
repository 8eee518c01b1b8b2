"""Fuzz decoding, people, signatures and text cleaning: `make fuzz`, `python -m tests.fuzz.run`.

Each input is a hostile text and a message that `mutations.Mutator` made from a real one (captures,
the simulator, and the shared corpus if it is there). Messages go through decoding, people,
signatures and the loader's check, texts through the cleaning for charts, tables and terminals. A
message may be refused with a reason; any exception and any violated invariant is a failure. Prints
the number of inputs, the time, refusals and verdicts by reason, and how to reproduce a failure.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

from hubbub.charts.picture import text as typeset
from hubbub.collector.decode import message as decoding
from hubbub.collector.event import Event, Frame
from hubbub.collector.names import normalise, normalise_object
from hubbub.collector.people.extract import MISSED, people
from hubbub.collector.people.lines import people_lines
from hubbub.collector.people.reader import Reader
from hubbub.collector.signatures import x509
from hubbub.errors import MessageError
from hubbub.formats import tables
from hubbub.store.loader import unmapped
from hubbub.store.loader.batch import _check
from hubbub.testing.simulator import traffic, wire
from tests.support import paths
from tests.support.mutations import Message, Mutator, text

TESTS = paths.TESTS
CORPUS = paths.SHARED / "corpus"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
KINDS = ("zmq", "zmq", "zmq", "amqp", "history", "fedmsg", "jsonl", "refused", "perceval", "")
#: Forbidden in cleaned text: controls, bidi and other format characters, lone surrogates.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_NO_XML = re.compile("[\ufffe\uffff]")
_DIRECTORY = {"a@b.org": "ab", "nick": "fas", "x": "y", "card": "\ud800", "none": ""}


def captured(name: str) -> Iterator[Message]:
    for row in (TESTS / "captures" / name).read_text(encoding="utf-8").splitlines():
        frames = json.loads(row).get("frames")
        if frames and len(frames) == 2:
            yield Message(*(base64.b64decode(frame) for frame in frames))


def seeds() -> Iterator[Message]:
    """Yield real messages of every family for which there are any."""
    for name in sorted(path.name for path in (TESTS / "captures").glob("fedmsg-*.jsonl")):
        yield from captured(name)
    rows = (TESTS / "captures" / "datagrepper-answers.jsonl").read_text(encoding="utf-8")
    for response in map(json.loads, rows.splitlines()):
        body = response["body"]
        for row in body.get("raw_messages", ())[:3] if isinstance(body, dict) else ():
            yield Message(row["topic"].encode(), json.dumps(row).encode())
    simulated = traffic.messages(7, datetime(2026, 11, 1, tzinfo=UTC), per_day=600)
    for number, message in enumerate(simulated):
        yield Message(*wire.frames(message, ("fedmsg", "msgpack")[number % 5 == 0]))
        if message.broken is None:
            topic = message.topic.encode()
            yield Message(topic, (wire.search_row, wire.raw_row)[number % 2](message))
    for path in sorted(CORPUS.glob("*.jsonl")):
        for case in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            row = case.get("msg") or {
                "id": case["case"], "topic": case["topic"], "headers": case["headers"],
                "body": case["body"],
            }  # fmt: skip
            row = {"msg_id": case["case"], "timestamp": 1795297552, **row}
            yield Message(str(case["topic"]).encode(), json.dumps(row).encode())


class Fuzzer:
    """Runs the inputs `seed:number` and counts the outcomes."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        messages = list(seeds())
        topics = sorted({message.topic.decode() for message in messages})
        self.mutator = Mutator(messages, topics)
        self.signed = Mutator([*captured("fedmsg-signed-lab.jsonl")], topics)
        signed = [tree for tree in self.mutator.trees if "signature" in tree]
        self.authentic = {x509.canonical(tree) for tree in signed}
        pki = TESTS / "captures" / "pki"
        ca, crl = (pki / "ca.crt").read_bytes(), (pki / "crl.pem").read_bytes()
        self.trusts = [
            x509.Trust(ca),
            x509.Trust(ca, crl, {"org.fedoraproject.dev.lab.plain": ["nobody"]}),
            x509.Trust(ca, crl, nitpicky=True),
        ]
        self.reader = Reader(_DIRECTORY)
        self.counts: Counter[str] = Counter()

    def run(self, number: int) -> None:
        """Run one input; any exception is a failure."""
        random = Random(f"{self.seed}:{number}")
        signed = random.random() < 0.08
        message = (self.signed if signed else self.mutator).message(random)
        frame = Frame(f"{random.choice(KINDS)}:x", 1, message.topic, message.body, number % 3)
        self.check_decoding(frame)
        if number % 4 == 0:
            self.check_people(message.body)
        if signed or number % 10 == 0:
            self.check_signature(message, random)
        self.check_cleaning(text(random), random, number)

    def check_decoding(self, frame: Frame) -> None:
        try:
            understood = self.reader(frame)
            (event,) = [understood] if isinstance(understood, Event) else understood
            if isinstance(event, MessageError):
                raise event
            _check(event)
        except MessageError as error:
            refusal = error
        else:
            self.check_event(event)
            return
        assert frame.kind == "refused" or refusal.reason in {*decoding.REASONS, "bad-value"}
        assert str(refusal)
        self.counts[f"refused {refusal.reason}"] += 1

    def check_event(self, event: Event) -> None:
        self.counts["events"] += 1
        for names, normal in ((event.users, normalise), (event.objects, normalise_object)):
            assert list(names) == sorted(set(names)), names
            assert all(normal(name) == name for name in names), names
        assert event.agent is None or normalise(event.agent) == event.agent
        for message_id, why in self.reader.missed.items():
            assert why in MISSED
            document = unmapped.add(None, unmapped.tally([(why, event.topic, message_id)]))
            assert sum(line.messages for line in unmapped.unmapped(document)) == 1
        self.reader.missed.clear()

    def check_people(self, body: bytes) -> None:
        (result,) = people_lines([body], _DIRECTORY)
        assert set(result) - {"error"} == {"id", "topic", "agent", "users", "objects"}
        try:
            envelope = decoding.parse(body)
        except MessageError:
            return
        mapping = {name: getattr(envelope, name) for name in envelope.__struct_fields__}
        people(mapping, directory=_DIRECTORY)

    def check_signature(self, message: Message, random: Random) -> None:
        trust = random.choice(self.trusts)
        verdict = x509.check(message.topic, message.body, trust, now=NOW)
        assert verdict is None or verdict in x509.REASONS
        self.counts[f"signature {verdict or 'accepted'}"] += 1
        if verdict is None:  # only authentic content may be accepted
            assert x509.canonical(json.loads(message.body)) in self.authentic, message

    def check_cleaning(self, hostile: str, random: Random, number: int) -> None:
        drawn = typeset.clean(hostile)
        assert len(drawn) <= 80
        assert not _UNSAFE.search(drawn), ascii(drawn)
        assert not _NO_XML.search(drawn), ascii(drawn)
        assert typeset.clean(drawn) == drawn, ascii(hostile)
        shown = tables.clean(hostile)
        assert not _UNSAFE.search(shown), ascii(shown)
        assert tables.clean(shown) == shown
        assert not _UNSAFE.search(tables.cell({hostile: [hostile, None]}))
        name = normalise(hostile, _DIRECTORY)
        assert name is None or normalise(name) == name, ascii(hostile)
        if number % 16 == 0:
            width = random.choice((0.0, 3.0, 40.0, 400.0))
            fitted = typeset.fit(drawn, width, 12.0)
            assert typeset.width(fitted, 12.0) <= max(width, typeset.width("…", 12.0)), ascii(
                hostile
            )
            assert all(isinstance(line, str) for line in typeset.wrap(drawn, 60.0, 12.0))
            typeset.short_names([drawn, hostile, name or ""])


def main(arguments: list[str] | None = None) -> int:
    """Run the fuzzer; return 1 if any input failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run only this input, with traceback")
    options = parser.parse_args(arguments)
    fuzzer = Fuzzer(options.seed)
    if options.only is not None:
        fuzzer.run(options.only)
        return 0
    failures = 0
    started = shown = time.monotonic()
    for number in range(options.inputs):
        try:
            fuzzer.run(number)
        except Exception as error:  # noqa: BLE001 - reported with its input
            failures += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAILURE {type(error).__name__}: {str(error)[:300]!r}")
            print(f"  at {where.filename}:{where.lineno}")
            print(f"  reproduce: --seed {options.seed} --only {number}")
            if failures >= 20:
                print("too many failures")
                break
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            print(f"{number + 1:,} inputs, {failures} failures", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    done = number + 1 if options.inputs else 0
    rate = f"{done:,} inputs in {seconds:.0f} s ({done / seconds:,.0f}/s), seed {options.seed}"
    print(f"fuzz: {rate}: {failures} failures")
    for name, n in sorted(fuzzer.counts.items()):
        print(f"  {n:>9,} {name}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
