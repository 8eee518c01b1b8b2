"""Split JSON texts into their members without parsing the values.

One value that no parser accepts (nested too deep, control characters in a string, an integer of
thousands of digits, bytes that are not UTF-8) must not cost the rest of a page. The scan only looks
at strings and brackets, is iterative, and takes time proportional to the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["elements", "members"]

# A string, or a character of the structure. The quantifiers are possessive: no backtracking.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)
_SPACE = b" \t\r\n"
_MEMBER = re.compile(rb'\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+:', re.DOTALL)


def elements(text: bytes) -> list[bytes]:
    """Return the texts of the elements of an array, without surrounding white space.

    Raises:
        ValueError: the text is not an array, or its brackets do not match.
    """
    parts = list(_parts(text, b"["))
    if len(parts) == 1 and not parts[0]:
        return []
    if not all(parts):
        raise ValueError("an element of a list is missing")
    return parts


def members(text: bytes) -> dict[bytes, bytes]:
    """Return the members of an object: name, as the bytes between the quotes, and text of value.

    Raises:
        ValueError: the text is not an object, or its brackets do not match.
    """
    found: dict[bytes, bytes] = {}
    parts = list(_parts(text, b"{"))
    if len(parts) == 1 and not parts[0]:
        return found
    for part in parts:
        name = _MEMBER.match(part)
        if name is None:
            raise ValueError("a member of an object has no name")
        found[name[1][1:-1]] = part[name.end() :].strip(_SPACE)
    return found


def _parts(text: bytes, opening: bytes) -> Iterator[bytes]:
    """Yield what stands between the commas of the outermost list or object."""
    text = text.strip(_SPACE)
    if text[:1] != opening:
        raise ValueError(f"it does not begin with {opening.decode()}")
    open_brackets = bytearray()
    start = 1
    for position, character in _structure(text):
        if character in b"[{":
            open_brackets.append(character)
        elif character == ord(","):
            if len(open_brackets) == 1:
                yield text[start:position].strip(_SPACE)
                start = position + 1
        elif not open_brackets or open_brackets.pop() != character - 2:  # [ ] and { } in ASCII
            raise ValueError("its brackets do not match")
        elif not open_brackets:
            if position + 1 != len(text):
                raise ValueError("something follows its end")
            yield text[start:position].strip(_SPACE)
            return
    raise ValueError("it ends too early")


def _structure(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield position and byte of each bracket and comma outside of strings."""
    for token in _TOKEN.finditer(text):
        character = text[token.start()]
        if character != ord('"'):
            yield token.start(), character
        elif token.end() - token.start() == 1:
            raise ValueError("a string does not end")
