"""Replace the names that the store must forget by pseudonyms.

The list of forgotten names contains no name, only keyed digests (HMAC-SHA256 with the store's
random key): a candidate can be tested, but the list does not reveal whom it is about.

- An **account** (agent, users) is compared as a whole, after NFC, ignoring case and characters that
  cannot be seen.
- In every other **text** (objects, topics after the verb, actions, sources) a name is replaced
  where no letter or digit is adjacent: `forks/NAME/rpms`, `NAME-testing`, `~NAME`.
- **Bytes** (bodies, dead letters) are never edited, which would falsify what was sent; `holds`
  finds a name in them, also in JSON and URL escapes and in msgpack; the caller drops them whole.
  More than `SEARCHED` bytes are not searched, nor is what has more than `CANDIDATES` places where
  a name might be: they are treated as if they held one.

A pseudonym is `forgotten-` and 16 hexadecimal digits, derived from the name as it is spelled: two
accounts that differ only in case remain two, so that no count changes.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from hubbub.collector.event import Event
from hubbub.collector.names import visible
from hubbub.collector.topics import action, category, structure

__all__ = ["ACCOUNTS", "NONE_FORGOTTEN", "PSEUDONYM", "Forgotten", "units"]

#: Columns, and keys of stored documents, that contain nothing but an account. It is compared as a
#: whole, so that the account `NAME-smith` is unaffected when NAME is forgotten.
ACCOUNTS = frozenset({"account", "agent", "alias", "person", "user"})

PSEUDONYM = re.compile(r"forgotten-[0-9a-f]{16}")
#: The units of a text: runs of letters and digits, and every other character by itself.
_UNITS = re.compile(r"forgotten-[0-9a-f]{16}(?![^\W_])|[^\W_]+|[\W_]")
#: Random or hashed ids: they contain no name, whatever their digits spell.
_RANDOM = re.compile(r"(?:\d{4}-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}")
_UNICODE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_PIECE = 500  # characters that are composed at once: sorting marks takes the square of their number
_ESCAPE = re.compile(r"\\+[abfnrtv0]")
#: Bytes; searching more would take seconds a message, and strangers choose what they send.
SEARCHED = 256 << 10
#: Places and lengths at which a name is looked for; as many take about a second.
CANDIDATES = 200_000
#: Likewise, for all objects of an event. Those of more are replaced as a whole: only a message that
#: was made to take minutes has such objects.
_MOST_OF_OBJECTS = 2_000_000
_CACHE_SIZE = 20_000  # entries of each cache
_CACHED = 256  # characters of an entry's key at most: together some 20 MB
_MAX_CANDIDATE = 1_000  # characters; an account has at most 255, and its title case is no longer
#: First bytes of a msgpack map or array.
_CONTAINERS = frozenset({*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF})


def units(name: str) -> int:
    """Return how many units a name consists of."""
    return len(_UNITS.findall(name))


class Forgotten:
    """The list of forgotten names as it was read, and the replacements it demands.

    Args:
        key: the store's secret key.
        digests: digest of each forgotten name → the number of its units.
    """

    def __init__(self, key: bytes = b"", digests: Mapping[bytes, int] | None = None) -> None:
        self._key, self._digests = key, dict(digests or {})
        self._lengths = sorted(set(self._digests.values()), reverse=True)
        self._pseudonyms: dict[str, str | None] = {}  # cache by name; None: not forgotten
        self._texts: dict[str, str] = {}  # cache by text

    def __bool__(self) -> bool:
        return bool(self._digests)

    def digest(self, name: str) -> bytes:
        """Return the digest by which the list knows a name."""
        return self._digest(visible(name))

    def _digest(self, name: str) -> bytes:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        return hmac.digest(self._key, b"listed\0" + folded.encode(errors="replace"), "sha256")

    def pseudonym(self, name: str) -> str:
        """Return the pseudonym of a name, whether it is on the list or not."""
        data = b"pseudonym\0" + unicodedata.normalize("NFC", name).encode(errors="replace")
        return f"forgotten-{hmac.digest(self._key, data, 'sha256')[:8].hex()}"

    def account(self, name: str) -> str:
        """Return an account's name, or its pseudonym if it is forgotten."""
        return self._find(name) or name if self._digests else name

    def text(self, text: str) -> str:
        """Return a text with its forgotten names replaced by pseudonyms."""
        if not self._digests or not text:
            return text
        result = self._texts.get(text)
        if result is None:
            result = self._text(text)
            if len(text) <= _CACHED:
                if len(self._texts) >= _CACHE_SIZE:
                    self._texts.clear()
                self._texts[text] = result
        return result

    def document(self, value: Any, accounts: Collection[str] = ()) -> Any:
        """Return a JSON value with the forgotten names in its strings and keys replaced.

        Args:
            value: any JSON value.
            accounts: keys whose value is an account or a list of accounts.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.document(item, accounts) for item in value]
        if isinstance(value, dict):
            return {
                self.text(key): self._accounts(item)
                if key in accounts
                else self.document(item, accounts)
                for key, item in value.items()
            }
        return value

    def _accounts(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.account(value)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return [self.account(item) for item in value]
        return self.document(value, ACCOUNTS)

    def topic(self, topic: str) -> str:
        """Replace forgotten names after a topic's verb; `org.….prod.git.receive` is structure."""
        if not self._digests:
            return topic
        head = structure(topic)
        return head + self.text(topic[len(head) :])

    def identifier(self, message_id: str) -> str:
        """Return a message id with forgotten names replaced; random and hashed ids have none."""
        if not self._digests or _RANDOM.fullmatch(message_id):
            return message_id
        return self._text(message_id)

    def event(self, event: Event) -> Event:
        """Return an event without forgotten names; the same object if it contains none."""
        if not self._digests:
            return event
        topic = self.topic(event.topic)
        derived = event.action == action(event.topic)
        changed: dict[str, Any] = {
            "id": self.identifier(event.id),
            "topic": topic,
            "category": category(topic)
            if event.category == category(event.topic)
            else self.text(event.category),
            "agent": None if event.agent is None else self.account(event.agent),
            "users": _mapped(self.account, event.users),
            "objects": _mapped(self._object(event.objects), event.objects),
            "action": action(topic) if derived else self.text(event.action or "") or None,
            "source": self.text(event.source),
            "extra": event.extra
            and {self.text(name): self.text(value) for name, value in event.extra.items()},
        }
        changed = {name: new for name, new in changed.items() if getattr(event, name) != new}
        return msgspec.structs.replace(event, **changed) if changed else event

    def _object(self, objects: Sequence[str]) -> Callable[[str], str]:
        """Return what replaces names in each of these: the whole text, if they are too long."""
        if sum(map(len, objects)) * len(self._lengths) <= _MOST_OF_OBJECTS:
            return self.text
        return self.pseudonym

    def holds(self, data: bytes) -> bool:
        """Whether these bytes contain a forgotten name, also in JSON or URL escapes and msgpack.

        True for more than `SEARCHED` bytes, and for more than `CANDIDATES` places.
        """
        if not self._digests or not data:
            return False
        if len(data) > SEARCHED:
            return True
        parts = [data]
        if data[0] in _CONTAINERS:
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                parts = list(_texts_of(msgspec.msgpack.decode(data, strict=False)))
        candidates = 0
        for part in parts:
            for form in _forms(part):
                split = _split(form)
                candidates += len(split) * len(self._lengths)
                if candidates > CANDIDATES or self._replaced(split) is not None:
                    return True
        return False

    def _text(self, text: str) -> str:
        new = self._replaced(_split(text))
        if new is not None:
            return new
        if "%" in text or "+" in text:
            return self._replaced(_split(unquote_plus(text))) or text
        return text

    def _replaced(self, parts: Sequence[str]) -> str | None:
        """Return the text of these units with pseudonyms; None if it has no forgotten name."""
        out: list[str] = []
        i, changed = 0, False
        while i < len(parts):
            for length in self._lengths:  # the longest first
                if i + length > len(parts):
                    continue
                if length == 1 and not parts[i].isalnum():
                    continue
                new = self._find("".join(parts[i : i + length]))
                if new is not None:
                    out.append(new)
                    i, changed = i + length, True
                    break
            else:
                out.append(parts[i])
                i += 1
        return "".join(out) if changed else None

    def _find(self, name: str) -> str | None:
        """Return the pseudonym of a forgotten name, None for any other."""
        try:
            return self._pseudonyms[name]
        except KeyError:
            pass
        if len(name) > _MAX_CANDIDATE:
            return None
        known = self.digest(name) in self._digests
        if not known and visible(name) != name:  # listed before such characters were ignored
            known = self._digest(name) in self._digests
        pseudonym = self.pseudonym(name) if known else None
        if len(name) <= _CACHED:
            if len(self._pseudonyms) >= _CACHE_SIZE:
                self._pseudonyms.clear()
            self._pseudonyms[name] = pseudonym
        return pseudonym


def _forms(data: bytes) -> set[str]:
    """Return the texts that bytes may stand for: as UTF-8, and without escapes of JSON and URLs."""
    text = data.decode("utf-8", "replace")
    forms = {text}
    if not text.isascii():  # msgpack: the byte before a string may look like a letter
        forms.add(data.decode("ascii", "replace"))
    if "\\" in text:
        plain = _UNICODE.sub(lambda match: chr(int(match[1], 16)), _ESCAPE.sub(" ", text))
        forms.add(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return forms | {unquote_plus(form) for form in forms if "%" in form or "+" in form}


def _split(text: str) -> list[str]:
    """Return the units of a text, without characters that cannot be seen."""
    return _UNITS.findall(_composed(visible(text)))


def _mapped(change: Callable[[str], str], names: Iterable[str]) -> tuple[str, ...]:
    """Change each name; sort and deduplicate only if one did change."""
    before = tuple(names)
    after = tuple(map(change, before))
    return before if after == before else tuple(sorted(set(after)))


def _composed(text: str) -> str:
    """Return a text in NFC, composed in pieces, so that no text takes more than a second."""
    if text.isascii():
        return text
    pieces, start = [], 0
    while start < len(text):
        end = min(start + _PIECE, len(text))
        cut = end
        while start < cut < len(text) and not _starts(text[cut]):
            cut -= 1
        end = cut if cut > start else end
        pieces.append(unicodedata.normalize("NFC", text[start:end]))
        start = end
    return "".join(pieces)


def _starts(letter: str) -> bool:
    """Whether a letter is never composed with the one before it: marks and parts of Hangul are."""
    return letter.isascii() or unicodedata.category(letter) in {"Lu", "Ll", "Zs", "Po"}


def _texts_of(value: Any) -> Iterator[bytes]:
    """Yield all texts and bytes of a decoded msgpack value, keys included."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value.encode("utf-8", "surrogatepass")
        elif isinstance(value, bytes):
            yield value
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, msgspec.msgpack.Ext):
            waiting.append(bytes(value.data))


#: The empty list.
NONE_FORGOTTEN = Forgotten()
