"""Many hostile messages, fast: `make fuzz`, or `python -m tests.fuzz.run`.

Each input is a message made from a real one (captures, the simulator, the shared corpus where it
is) by `mutations.Mutator`, and a text of a stranger. It goes through decode, people, signatures,
the loader's own check, and what cleans text for charts, tables and terminals. A message may be
refused with a reason; any exception that escapes, and any broken promise, is a failure. Prints
inputs, time, refusals and verdicts by reason, and for a failure how to see it again.
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
from hubbub.cli.output import tables
from hubbub.collector.decode import message as decoding
from hubbub.collector.event import Event, Frame
from hubbub.collector.names import normalise, normalise_object
from hubbub.collector.people.extract import MISSED, people, people_lines
from hubbub.collector.people.reader import Reader
from hubbub.collector.signatures import x509
from hubbub.errors import MessageError
from hubbub.store.loader import unmapped
from hubbub.store.loader.batch import _check
from hubbub.testing.simulator import traffic, wire
from tests.support import paths
from tests.support.mutations import Message, Mutator, text

TESTS = paths.TESTS
CORPUS = TESTS.parents[1] / "shared" / "corpus"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
KINDS = ("zmq", "zmq", "zmq", "amqp", "history", "fedmsg", "jsonl", "refused", "")
#: What no cleaned text holds: controls, bidi and other format characters, lone surrogates.
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
    """Real messages of every family that there is one of."""
    for name in sorted(path.name for path in (TESTS / "captures").glob("fedmsg-*.jsonl")):
        yield from captured(name)
    rows = (TESTS / "captures" / "datagrepper-answers.jsonl").read_text(encoding="utf-8")
    for answer in map(json.loads, rows.splitlines()):
        body = answer["body"]
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
    """One run: the inputs `seed:number` and what became of them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        real = list(seeds())
        topics = sorted({message.topic.decode() for message in real})
        self.mutator = Mutator(real, topics)
        self.signed = Mutator([*captured("fedmsg-signed-lab.jsonl")], topics)
        signed = [tree for tree in self.mutator.trees if "signature" in tree]
        self.genuine = {x509.canonical(tree) for tree in signed}
        pki = TESTS / "captures" / "pki"
        ca, crl = (pki / "ca.crt").read_bytes(), (pki / "crl.pem").read_bytes()
        self.trusts = [
            x509.Trust(ca),
            x509.Trust(ca, crl, {"org.fedoraproject.dev.lab.plain": ["nobody"]}),
            x509.Trust(ca, crl, nitpicky=True),
        ]
        self.reader = Reader(_DIRECTORY)
        self.counts: Counter[str] = Counter()

    def one(self, number: int) -> None:
        """Run an input; AssertionError or any other exception is a failure."""
        random = Random(f"{self.seed}:{number}")
        signed = random.random() < 0.08
        message = (self.signed if signed else self.mutator).message(random)
        frame = Frame(f"{random.choice(KINDS)}:x", 1, message.topic, message.body, number % 3)
        self.understood(frame)
        if number % 4 == 0:
            self.answered(message.body)
        if signed or number % 10 == 0:
            self.verified(message, random)
        self.cleaned(text(random), random, number)

    def understood(self, frame: Frame) -> None:
        try:
            event = self.reader(frame)
            _check(event)
        except MessageError as error:
            refused = error
        else:
            self.found(event)
            return
        assert frame.kind == "refused" or refused.reason in {*decoding.REASONS, "bad-value"}
        assert str(refused)
        self.counts[f"refused {refused.reason}"] += 1

    def found(self, event: Event) -> None:
        self.counts["events"] += 1
        for names, normal in ((event.users, normalise), (event.objects, normalise_object)):
            assert list(names) == sorted(set(names)), names
            assert all(normal(name) == name for name in names), names
        assert event.agent is None or normalise(event.agent) == event.agent
        for identity, why in self.reader.missed.items():
            assert why in MISSED
            found = unmapped.add(None, unmapped.tally([(why, event.topic, identity)]))
            assert sum(line.messages for line in unmapped.unmapped(found)) == 1
        self.reader.missed.clear()

    def answered(self, body: bytes) -> None:
        (answer,) = people_lines([body], _DIRECTORY)
        assert set(answer) - {"error"} == {"id", "topic", "agent", "users", "objects"}
        try:
            row = decoding.parse(body)
        except MessageError:
            return
        people({name: getattr(row, name) for name in row.__struct_fields__}, directory=_DIRECTORY)

    def verified(self, message: Message, random: Random) -> None:
        trust = random.choice(self.trusts)
        verdict = x509.check(message.topic, message.body, trust, now=NOW)
        assert verdict is None or verdict in x509.REASONS
        self.counts[f"signature {verdict or 'accepted'}"] += 1
        if verdict is None:  # then it says what was signed
            said = x509.canonical(json.loads(message.body))
            assert said in self.genuine, message

    def cleaned(self, one: str, random: Random, number: int) -> None:
        drawn = typeset.clean(one)
        assert len(drawn) <= 80
        assert not _UNSAFE.search(drawn), ascii(drawn)
        assert not _NO_XML.search(drawn), ascii(drawn)
        assert typeset.clean(drawn) == drawn, ascii(one)
        shown = tables.clean(one)
        assert not _UNSAFE.search(shown), ascii(shown)
        assert tables.clean(shown) == shown
        assert not _UNSAFE.search(tables.cell({one: [one, None]}))
        name = normalise(one, _DIRECTORY)
        assert name is None or normalise(name) == name, ascii(one)
        if number % 16 == 0:
            room = random.choice((0.0, 3.0, 40.0, 400.0))
            fitted = typeset.fit(drawn, room, 12.0)
            assert typeset.width(fitted, 12.0) <= max(room, typeset.width("…", 12.0)), ascii(one)
            assert all(isinstance(line, str) for line in typeset.wrap(drawn, 60.0, 12.0))
            typeset.short_names([drawn, one, name or ""])


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one input, with its traceback")
    chosen = parser.parse_args(arguments)
    fuzzer = Fuzzer(chosen.seed)
    if chosen.only is not None:
        fuzzer.one(chosen.only)
        return 0
    failures = 0
    started = shown = time.monotonic()
    for number in range(chosen.inputs):
        try:
            fuzzer.one(number)
        except Exception as error:  # noqa: BLE001 - to be reported with its input
            failures += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAILURE {type(error).__name__}: {str(error)[:300]!r}")
            print(
                f"  at {where.filename}:{where.lineno}; again: --seed {chosen.seed} --only {number}"
            )
            if failures >= 20:
                print("too many failures")
                break
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            print(f"{number + 1:,} inputs, {failures} failures", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    done = number + 1 if chosen.inputs else 0
    rate = f"{done:,} inputs in {seconds:.0f} s ({done / seconds:,.0f}/s), seed {chosen.seed}"
    print(f"fuzz: {rate}: {failures} failures")
    for name, n in sorted(fuzzer.counts.items()):
        print(f"  {n:>9,} {name}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
