"""Make hostile messages from real ones: replace, move, repeat, nest and cut parts of bodies.

`Mutator(seeds, topics).message(random)` returns topic and body as bytes, and is deterministic for a
state of the random generator. Unchanged parts are shared, not copied, which makes it fast.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec

__all__ = ["Message", "Mutator", "text"]

#: Problematic characters: bidi, joiners, controls, surrogates, marks, markup, formulas.
CHARACTERS = (
    "abcXYZ019 \t\n\r\0\x1b\x7f\x85\xa0\xad\u0301\u0489\u200b\u200d\u200f\u2028\u202e\u2066\ufdd0"
    "\ufeff\ufffe\U0001f469\U0001f3ff\U000e0041\U0010ffff\ud800\udfff<>&\"'=+-@[]{}()|,;:./\\%#*?"
    "\u0130\u1e9e\ufb03\u212b\u0f73"
)
TEXTS = (
    "", " ", "None", "@group", "github_org_x", "127.0.0.1", "a@b.org", "x@fedoraproject.org",
    "http://u.id.fedoraproject.org/", "User:A/b", "a-b-1.0-2.fc18", "--", "-", "a,b c;d", "@a @b",
    '{"user": ["a", {}], "uid": 3}', "[[[[", "rpms", "Fedora", "koji_build", "orphan", "zodbot",
    "2026-11-22T00:00:00+00:00", "9" * 400, "\x1b]0;x\x07", "<script>", "a" * 5000,
)  # fmt: skip
LEAVES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 2**64, -(2**70), 10**400, 0.0, -0.0, 1e308, 1.5,
    float("nan"), float("inf"), 1795297552, 1795297552.25, -62135596801, [], {}, [[]], [None], [{}],
    {"": None}, {"name": None}, {"name": {"name": "x"}}, {"username": 3}, ["a", ["b"], {"c": "d"}],
)  # fmt: skip


class Message(NamedTuple):
    """The two frames of a message."""

    topic: bytes
    body: bytes


def text(random: Random) -> str:
    """Return a hostile text."""
    if random.random() < 0.5:
        return random.choice(TEXTS)
    limit = 300 if random.random() < 0.05 else 12
    return "".join(random.choices(CHARACTERS, k=random.randrange(limit)))


class Mutator:
    """Makes hostile messages from real ones.

    Args:
        seeds: real messages; bodies that are JSON objects are also changed structurally.
        topics: replacements for topics.
    """

    def __init__(self, seeds: Sequence[Message], topics: Sequence[str]) -> None:
        self.seeds = list(seeds)
        self.topics = list(topics)
        self.trees: list[Any] = []
        for seed in seeds:
            try:
                tree = json.loads(seed.body)
            except ValueError:
                continue
            if isinstance(tree, dict):
                self.trees.append(tree)
        self.keys = sorted({key for tree in self.trees for key in _keys(tree)})

    def message(self, random: Random) -> Message:
        """Return a message that is more or less similar to one of the seeds."""
        if random.random() < 0.25:
            seed = random.choice(self.seeds)
            return Message(seed.topic, self.mutate_bytes(seed.body, random))
        tree = random.choice(self.trees)
        for _ in range(random.choice((0, 1, 1, 1, 2, 3, 6))):
            tree = self.mutate(tree, random)
        if random.random() < 0.3 and isinstance(tree, dict):
            tree = {**tree, "topic": self.topic(random)}
        topic = tree.get("topic") if isinstance(tree, dict) else None
        if not isinstance(topic, str) or random.random() >= 0.9:
            topic = self.topic(random)
        return Message(topic.encode(errors="surrogatepass"), self.dump(tree, random))

    def topic(self, random: Random) -> str:
        """Return a topic, sometimes with a hostile suffix."""
        topic = random.choice(self.topics)
        if random.random() < 0.2:
            topic += random.choice((".", "..", ".a.b.c.d", f".{text(random)}.main"))
        return topic

    def mutate(self, tree: Any, random: Random) -> Any:
        """Return the tree with one part changed; the rest is shared."""
        if isinstance(tree, dict) and tree and random.random() < 0.85:
            key = random.choice(list(tree))
            kind = random.random()
            if kind < 0.1:
                return {name: value for name, value in tree.items() if name != key}
            if kind < 0.2:
                return {**tree, self.key(random): tree[key]}
            return {**tree, key: self.mutate(tree[key], random)}
        if isinstance(tree, list) and tree and random.random() < 0.85:
            index = random.randrange(len(tree))
            return [*tree[:index], self.mutate(tree[index], random), *tree[index + 1 :]]
        return self.replacement(tree, random)

    def key(self, random: Random) -> str:
        """Return a key of a real message, or a hostile text."""
        return random.choice(self.keys) if random.random() < 0.9 else text(random)

    def replacement(self, value: Any, random: Random) -> Any:  # noqa: PLR0911 - a table of cases
        """Return a replacement for a value."""
        kind = random.randrange(10)
        if kind < 3:
            return random.choice(LEAVES)
        if kind < 5:
            return text(random)
        if kind == 5:
            return [value] * random.choice((1, 2, 40))
        if kind == 6:
            return {self.key(random): value}
        if kind == 7:
            return random.choice(self.trees)
        if kind == 8 and isinstance(value, str):
            index = random.randrange(len(value) + 1)
            return value[:index] + text(random) + value[index:]
        if random.random() < 0.1:
            for _ in range(random.choice((20, 101, 400))):
                value = [value] if random.random() < 0.5 else {"msg": value}
        return value

    @staticmethod
    def dump(tree: Any, random: Random) -> bytes:
        """Encode the tree in one of the formats of the bus."""
        kind = random.random()
        if kind < 0.15:
            try:
                return msgspec.msgpack.encode(tree)
            except (ValueError, OverflowError, UnicodeEncodeError, RecursionError):
                pass  # not representable in msgpack: use JSON
        compact = kind < 0.5
        document = json.dumps(
            tree, ensure_ascii=compact, separators=(",", ":") if compact else None
        )
        return document.encode("utf-8", "surrogatepass")

    def mutate_bytes(self, body: bytes, random: Random) -> bytes:
        """Return the body with bytes flipped, inserted, cut, repeated or copied from a seed."""
        out = bytearray(body)
        for _ in range(random.choice((1, 1, 2, 5, 20))):
            index = random.randrange(len(out) + 1)
            kind = random.randrange(6)
            if kind == 0 and index < len(out):
                out[index] ^= 1 << random.randrange(8)
            elif kind == 1:
                out[index:index] = random.randbytes(random.randrange(4))
            elif kind == 2:
                del out[index : index + random.choice((1, 2, 50))]
            elif kind == 3:
                del out[index:]
            elif kind == 4:
                out[index:index] = out[max(0, index - 30) : index] * random.choice((1, 3))
            else:
                other = random.choice(self.seeds).body
                begin = random.randrange(len(other) + 1)
                out[index:index] = other[begin : begin + 60]
        return bytes(out)


def _keys(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        return {*tree, *(key for child in tree.values() for key in _keys(child))}
    if isinstance(tree, list):
        return {key for child in tree for key in _keys(child)}
    return set()
