"""Whom the store has forgotten: names become pseudonyms wherever they stand.

Comes in: names, texts, events, bytes. Goes out: the same without the forgotten names, or whether
they hold one. It knows no name: only keyed digests of them (HMAC-SHA256 with the store's random
key), so that a candidate can be tested, and the list tells nobody whom it is about.

- An **account** (agent, users) is compared as a whole, without regard to case and after NFC.
- In every other **text** (objects, topics behind the verb, actions, sources) a name is replaced
  where no letter or digit touches it: `forks/NAME/rpms`, `NAME-testing`, `~NAME`.
- **Bytes** (bodies, dead letters) are never edited, since that would make them say what nobody
  sent; `holds` finds a name also behind the escapes of JSON and URLs, and the whole is dropped.

The pseudonym is `forgotten-` and 16 hexadecimal digits, from the name as it is spelled: two
accounts that only differ in case stay two, so that no count changes.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from hubbub.collector.event import Event
from hubbub.collector.topics import action, category, rest

__all__ = ["ACCOUNTS", "NONE_FORGOTTEN", "PSEUDONYM", "Forgotten", "units"]

#: Columns, and keys of stored documents, that hold nothing but an account: it is compared as a
#: whole, so that whoever is called `NAME-smith` is left alone when NAME is forgotten.
ACCOUNTS = frozenset({"account", "agent", "alias", "person", "user"})

PSEUDONYM = re.compile(r"forgotten-[0-9a-f]{16}")
#: What a text consists of: runs of letters and digits, and every other character by itself.
_UNITS = re.compile(r"forgotten-[0-9a-f]{16}(?![^\W_])|[^\W_]+|[\W_]")
#: Ids that were drawn or hashed: no name in them, whatever their digits spell.
_RANDOM = re.compile(r"(?:\d{4}-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}")
_UNICODE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_ESCAPE = re.compile(r"\\+[abfnrtv0]")
_KEPT = 100_000  # answers that are remembered


def units(name: str) -> int:
    """Of how many units a name consists."""
    return len(_UNITS.findall(name))


class Forgotten:
    """The list, for one reading of it.

    Args:
        key: the store's.
        digests: of each name, with the number of its units.
    """

    def __init__(self, key: bytes = b"", digests: Mapping[bytes, int] | None = None) -> None:
        self._key, self._digests = key, dict(digests or {})
        self._lengths = sorted(set(self._digests.values()), reverse=True)
        self._hits: dict[str, str | None] = {}
        self._texts: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._digests)

    def digest(self, name: str) -> bytes:
        """What the list keeps of a name."""
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        return hmac.digest(self._key, b"listed\0" + folded.encode(errors="replace"), "sha256")

    def pseudonym(self, name: str) -> str:
        """What a name becomes, whether it is on the list or not."""
        said = b"pseudonym\0" + unicodedata.normalize("NFC", name).encode(errors="replace")
        return f"forgotten-{hmac.digest(self._key, said, 'sha256')[:8].hex()}"

    def account(self, name: str) -> str:
        """An account's name; its pseudonym if it was forgotten."""
        return self._find(name) or name if self._digests else name

    def text(self, text: str) -> str:
        """A text with pseudonyms for the forgotten names in it."""
        if not self._digests or not text:
            return text
        found = self._texts.get(text)
        if found is None:
            if len(self._texts) >= _KEPT:
                self._texts.clear()
            found = self._texts[text] = self._text(text)
        return found

    def document(self, value: Any, accounts: Collection[str] = ()) -> Any:
        """A JSON value without forgotten names in its texts, keys among them.

        Args:
            value: texts, numbers, lists, objects.
            accounts: keys of objects under which an account stands, or a list of accounts.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.document(one, accounts) for one in value]
        if isinstance(value, dict):
            return {
                self.text(key): self._accounts(one)
                if key in accounts
                else self.document(one, accounts)
                for key, one in value.items()
            }
        return value

    def _accounts(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.account(value)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return [self.account(one) for one in value]
        return self.document(value, ACCOUNTS)

    def topic(self, topic: str) -> str:
        """A topic; everything up to its verb (`org.….prod.git.receive`) is structure and stays."""
        if not self._digests:
            return topic
        tail = rest(topic)
        structure = ".".join(tail.split(".")[:2])
        head = topic[: len(topic) - len(tail) + len(structure)]
        return head + self.text(topic[len(head) :])

    def identifier(self, one: str) -> str:
        """The id of a message; those that were drawn or hashed hold no name."""
        return one if not self._digests or _RANDOM.fullmatch(one) else self._text(one)

    def event(self, event: Event) -> Event:
        """An event without the forgotten names; the same object where it holds none."""
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
            "objects": _mapped(self.text, event.objects),
            "action": action(topic) if derived else self.text(event.action or "") or None,
            "source": self.text(event.source),
            "extra": event.extra
            and {self.text(name): self.text(one) for name, one in event.extra.items()},
        }
        changed = {name: new for name, new in changed.items() if getattr(event, name) != new}
        return msgspec.structs.replace(event, **changed) if changed else event

    def holds(self, data: bytes) -> bool:
        """Whether a forgotten name stands in these bytes, also escaped as in JSON or URLs."""
        if not self._digests or not data:
            return False
        text = data.decode("utf-8", "replace")
        forms = {text}
        if not text.isascii():  # msgpack: what precedes a text may look like a letter
            forms.add(data.decode("ascii", "replace"))
        if "\\" in text:
            plain = _UNICODE.sub(lambda found: chr(int(found[1], 16)), _ESCAPE.sub(" ", text))
            forms.add(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        forms |= {unquote_plus(form) for form in forms if "%" in form or "+" in form}
        return any(self._replaced(unicodedata.normalize("NFC", form)) for form in forms)

    def _text(self, text: str) -> str:
        new = self._replaced(unicodedata.normalize("NFC", text))
        if new is not None:
            return new
        if "%" in text or "+" in text:
            return self._replaced(unicodedata.normalize("NFC", unquote_plus(text))) or text
        return text

    def _replaced(self, text: str) -> str | None:
        """The text with pseudonyms; None where it holds no forgotten name."""
        parts = _UNITS.findall(text)
        out: list[str] = []
        at, hit = 0, False
        while at < len(parts):
            for length in self._lengths:
                if at + length > len(parts):
                    continue
                if length == 1 and not parts[at].isalnum():
                    continue
                new = self._find("".join(parts[at : at + length]))
                if new is not None:
                    out.append(new)
                    at, hit = at + length, True
                    break
            else:
                out.append(parts[at])
                at += 1
        return "".join(out) if hit else None

    def _find(self, name: str) -> str | None:
        """The pseudonym of a forgotten name, None for any other."""
        try:
            return self._hits[name]
        except KeyError:
            pass
        if len(self._hits) >= _KEPT:
            self._hits.clear()
        found = self.pseudonym(name) if self.digest(name) in self._digests else None
        self._hits[name] = found
        return found


def _mapped(change: Callable[[str], str], names: Iterable[str]) -> tuple[str, ...]:
    """Names changed; sorted again only where one did change."""
    before = tuple(names)
    after = tuple(map(change, before))
    return before if after == before else tuple(sorted(set(after)))


#: Nobody was forgotten.
NONE_FORGOTTEN = Forgotten()
