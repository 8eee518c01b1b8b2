"""Transforms that rules apply to the values of a path, mostly from texts to names.

A transform takes a list of values and the directory (e-mail or nick → account) and returns a new
list. Values of an unexpected type are dropped, so that a rule that does not fit yields nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parseaddr
from fnmatch import translate
from typing import Any
from urllib.parse import urlsplit

from hubbub.collector.decode.timestamps import lenient_micros

__all__ = ["TRANSFORMS", "Transform", "find_transform"]

Directory = Mapping[str, str] | None
Transform = Callable[[list[Any], Directory], list[Any]]

_MENTION = re.compile(r"(?<!\w)@(\w+)")  # excludes domains of e-mail addresses
_SEPARATOR = re.compile(r"[,\s]+")
_MAX_ADDRESS = 1_000  # characters of an address with its name
_HIDDEN_AT = re.compile(r"(?<=\S)\s+at\s+(?=\S)")  # as archives of mailing lists write an @
_NAME_ADDRESS = re.compile(r"\s*([^<]*)<([^<>]*)>")
_ADDRESS_NAME = re.compile(r"\s*([^\s()]+@[^\s()]+)\s*\((.*)\)\s*")
_SCP = re.compile(r"(?:[^@/\s]+@)?([\w.-]+):(?!/)(.+)")  # git@host:path
#: `username` first: in an object with both keys, `name` is the person's real name.
_NAME_KEYS = ("username", "name", "nickname", "fas_name")


def _texts(values: list[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _each(change: Callable[[str], str]) -> Transform:
    return lambda values, _: [change(text) for text in _texts(values)]


def _name(values: list[Any], _: Directory) -> list[Any]:
    """Names of people given as texts or as objects with a name."""
    names: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            names.extend([value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)][:1])
        elif isinstance(value, list):  # early publishers sent the agent as a list of one
            names.extend(_texts(value[:1]))
        else:
            names.append(value)
    return names


def _nvr(text: str) -> str:
    """Strip version and release: `gnome-settings-daemon-3.6.1-1.fc18` → `gnome-settings-daemon`."""
    return text.rsplit("-", 2)[0]


def _nvrs(values: list[Any], _: Directory) -> list[Any]:
    """Names of the builds in a text, separated by commas or spaces.

    Of several words, only those that look like a build count.
    """
    names: list[Any] = []
    for text in _texts(values):
        words = [word for word in _SEPARATOR.split(text) if word]
        names += [_nvr(word) for word in words if len(words) == 1 or word.count("-") > 1]
    return names


def _account(text: str, directory: Directory) -> str | None:
    """The account in a Fedora OpenID or e-mail address; other addresses need the directory."""
    if ".id.fedoraproject.org" in text:
        return text.partition(".id.fedoraproject.org")[0].rpartition("/")[2]
    if text.endswith("@fedoraproject.org"):
        return text.removesuffix("@fedoraproject.org")
    return _look_up(text, directory) if "@" in text else text


def _look_up(text: str, directory: Directory) -> str | None:
    account = None if directory is None else directory.get(text)
    return account if isinstance(account, str) else None


def _first_key(values: list[Any], _: Directory) -> list[Any]:
    """Texts as they are; the first key of objects."""
    return [next(iter(value), None) if isinstance(value, dict) else value for value in values]


def _json(values: list[Any], _: Directory) -> list[Any]:
    """Parse texts that contain JSON."""
    parsed = []
    for text in _texts(values):
        try:
            parsed.append(json.loads(text))
        except (ValueError, RecursionError):  # not JSON: the rule does not fit
            continue
    return parsed


def _ipa_targets(values: list[Any], directory: Directory) -> list[Any]:
    """The accounts in the parameters of a FreeIPA command: `user` (a list) or `uid`."""
    accounts: list[Any] = []
    for parameters in _json(values, directory):
        if isinstance(parameters, dict):
            for value in (parameters.get("user"), parameters.get("uid")):
                accounts += value if isinstance(value, list) else [value]
    return accounts


def _changed_packages(values: list[Any], _: Directory) -> list[Any]:
    """Package names in the rows of a repository diff: (name, …) or (path, …, name)."""
    names = []
    for row in values:
        if isinstance(row, list) and row and isinstance(row[0], str):
            name = row[-1] if "/" in row[0] else row[0]
            names += [name.partition("(")[0]] if isinstance(name, str) else []
        elif isinstance(row, str):
            names.append(row.partition("(")[0])
    return names


def _person(text: str, directory: Directory) -> str:
    """The person in `Name <address>`: its account, else the name, else the part before the @.

    Of archives that hide addresses, `name at host (Name)`, too.
    """
    if len(text) > _MAX_ADDRESS:
        return ""
    plain = text if "@" in text else _HIDDEN_AT.sub("@", text, count=1)
    if match := _NAME_ADDRESS.match(plain):
        name, address = match[1], match[2]
    elif match := _ADDRESS_NAME.fullmatch(plain):
        address, name = match[1], match[2]
    elif "@" in plain and not re.search(r"\s", plain.strip()):
        name, address = "", plain.strip()
    else:
        return text
    account = _look_up(address, directory) or _look_up(address.lower(), directory)
    if account is not None:
        return account
    name = name.strip().strip("\"'").partition(" via ")[0].strip("\"' ")  # as lists rewrite senders
    return name if name and "@" not in name else address.partition("@")[0]


def _url(text: str) -> tuple[str, str]:
    """Return host and path of a URL (`git@host:path` included), without credentials and `.git`.

    Of a path of this machine, only the last part; a text without slashes is a host.
    """
    match = _SCP.fullmatch(text)
    if "://" in text:
        try:
            parts = urlsplit(text)
            host, path = parts.hostname or "", parts.path
        except ValueError:  # not a URL
            return "", ""
    elif match:
        host, path = match[1], match[2]
    elif text.startswith(("/", ".", "~")):
        return "", text.rstrip("/").removesuffix(".git").rpartition("/")[2]
    else:
        host, _, path = text.partition("/")
    return host, path.strip("/").removesuffix(".git")


def _site(text: str) -> str:
    host, path = _url(text)
    return f"{host}/{path}".strip("/")


def _slug(values: list[Any], _: Directory) -> list[Any]:
    """Texts as they are; `owner/name` of objects with these keys."""
    names: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            owner, name = value.get("owner"), value.get("name")
            names += [f"{owner}/{name}"] if isinstance(owner, str) and isinstance(name, str) else []
        else:
            names.append(value)
    return names


def _joined(values: list[Any], keys: list[str]) -> list[Any]:
    """Join the texts at the keys of objects with slashes, up to the first that is missing."""
    names = []
    for value in values:
        parts: list[str] = []
        for key in keys:
            part = value.get(key) if isinstance(value, dict) else None
            if not isinstance(part, str) or not part.strip():
                break
            parts.append(part.strip())
        names.append("/".join(parts))
    return names


def _seconds(values: list[Any], _: Directory) -> list[Any]:
    times = (lenient_micros(value) for value in values)
    return [str(time // 1_000_000) for time in times if time is not None]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


TRANSFORMS: dict[str, Transform] = {
    "name": _name,
    "nvr": _each(_nvr),
    "nvrs": _nvrs,
    "lower": _each(str.lower),
    "mentions": lambda values, _: [m for text in _texts(values) for m in _MENTION.findall(text)],
    "split": lambda values, _: [w for text in _texts(values) for w in re.split(r"[,;\s]+", text)],
    "before-dot": _each(lambda text: text.partition(".")[0]),
    "before-at": _each(lambda text: text.partition("@")[0]),
    "after-colon": _each(lambda text: text.partition(":")[2]),
    "openid": _each(lambda text: text.rpartition("://")[2].partition(".")[0]),
    "address": _each(lambda text: parseaddr(text)[1] if len(text) <= _MAX_ADDRESS else ""),
    "account": lambda values, directory: [_account(text, directory) for text in _texts(values)],
    "directory": lambda values, directory: [_look_up(text, directory) for text in _texts(values)],
    "nick": lambda values, directory: [_look_up(t, directory) or t for t in _texts(values)],
    "person": lambda values, directory: [_person(text, directory) for text in _texts(values)],
    "host": _each(lambda text: _url(text)[0]),
    "path": _each(lambda text: _url(text)[1]),
    "site": _each(_site),
    "last-part": _each(lambda text: text.rstrip("/").rpartition("/")[2]),
    "slug": _slug,
    "seconds": _seconds,
    "digest": _each(_digest),
    "first-key": _first_key,
    "ipa-targets": _ipa_targets,
    "changed-packages": _changed_packages,
    "user-page": lambda values, _: [
        text.removeprefix("User:").partition("/")[0]
        for text in _texts(values)
        if text.startswith("User:")
    ],
}


def find_transform(name: str) -> Transform | None:
    """Return the transform with a name, or None.

    `without:GLOB` drops the texts that match; `below:TEXT` puts `TEXT/` before each;
    `keys:KEY/KEY` joins the values of these keys of objects.
    """
    verb, _, glob = name.partition(":")
    if verb == "below" and glob:
        return _each(lambda text: f"{glob}/{text}")
    if verb == "keys" and all(keys := glob.split("/")):
        return lambda values, _: _joined(values, keys)
    if verb == "without" and glob:
        unwanted = re.compile(translate(glob))
        return lambda values, _: [text for text in _texts(values) if not unwanted.match(text)]
    return TRANSFORMS.get(name)
