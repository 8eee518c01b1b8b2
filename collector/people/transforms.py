"""What a rule does with the values that its path found: texts to names.

Each transform takes the list of values and the directory (e-mail or nick → account) and gives a new
list. Values of a shape that it does not expect are dropped: a rule that does not fit yields
nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parseaddr
from fnmatch import translate
from typing import Any

__all__ = ["TRANSFORMS", "Transform", "find_transform"]

Directory = Mapping[str, str] | None
Transform = Callable[[list[Any], Directory], list[Any]]

_MENTION = re.compile(r"(?<!\w)@(\w+)")  # not the domain of an e-mail address
_SEPARATOR = re.compile(r"[,\s]+")
#: `username` first: where an object has both, `name` is the name of the person, not of the account.
_PERSON = ("username", "name", "nickname", "fas_name")


def _texts(values: list[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _each(change: Callable[[str], str]) -> Transform:
    return lambda values, _: [change(text) for text in _texts(values)]


def _name(values: list[Any], _: Directory) -> list[Any]:
    """A person written as a text, or as an object with a name."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            found.extend([value[key] for key in _PERSON if isinstance(value.get(key), str)][:1])
        elif isinstance(value, list):  # the first publishers wrote an agent as a list of one
            found.extend(_texts(value[:1]))
        else:
            found.append(value)
    return found


def _nvr(text: str) -> str:
    """`gnome-settings-daemon-3.6.1-1.fc18` without version and release."""
    return text.rsplit("-", 2)[0]


def _nvrs(values: list[Any], _: Directory) -> list[Any]:
    """Builds in one text, separated by commas or spaces. Among several words only builds count."""
    found: list[Any] = []
    for text in _texts(values):
        words = [word for word in _SEPARATOR.split(text) if word]
        found += [_nvr(word) for word in words if len(words) == 1 or word.count("-") > 1]
    return found


def _account(text: str, directory: Directory) -> str | None:
    """An OpenID or an address of the project holds the account; others need the directory."""
    if ".id.fedoraproject.org" in text:
        return text.partition(".id.fedoraproject.org")[0].rpartition("/")[2]
    if text.endswith("@fedoraproject.org"):
        return text.removesuffix("@fedoraproject.org")
    return _looked_up(text, directory) if "@" in text else text


def _looked_up(text: str, directory: Directory) -> str | None:
    found = None if directory is None else directory.get(text)
    return found if isinstance(found, str) else None


def _first_key(values: list[Any], _: Directory) -> list[Any]:
    """A text, or the first key of an object."""
    return [next(iter(value), None) if isinstance(value, dict) else value for value in values]


def _json(values: list[Any], _: Directory) -> list[Any]:
    """Texts that hold JSON themselves."""
    found = []
    for text in _texts(values):
        try:
            found.append(json.loads(text))
        except (ValueError, RecursionError):  # no JSON: the rule does not fit
            continue
    return found


def _ipa_targets(values: list[Any], directory: Directory) -> list[Any]:
    """The accounts in the parameters of a FreeIPA command: `user` (a list) or `uid`."""
    found: list[Any] = []
    for parameters in _json(values, directory):
        if isinstance(parameters, dict):
            for value in (parameters.get("user"), parameters.get("uid")):
                found += value if isinstance(value, list) else [value]
    return found


def _changed_packages(values: list[Any], _: Directory) -> list[Any]:
    """The rows of a repository's difference: a name first, or a path first and the name last."""
    found = []
    for row in values:
        if isinstance(row, list) and row and isinstance(row[0], str):
            name = row[-1] if "/" in row[0] else row[0]
            found += [name.partition("(")[0]] if isinstance(name, str) else []
        elif isinstance(row, str):
            found.append(row.partition("(")[0])
    return found


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
    "address": _each(lambda text: parseaddr(text)[1]),
    "account": lambda values, directory: [_account(text, directory) for text in _texts(values)],
    "directory": lambda values, directory: [_looked_up(text, directory) for text in _texts(values)],
    "nick": lambda values, directory: [_looked_up(t, directory) or t for t in _texts(values)],
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
    """The transform of a name; `without:GLOB` drops the texts that match. None: there is none."""
    verb, _, glob = name.partition(":")
    if verb == "without" and glob:
        unwanted = re.compile(translate(glob))
        return lambda values, _: [text for text in _texts(values) if not unwanted.match(text)]
    return TRANSFORMS.get(name)
