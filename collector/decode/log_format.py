r"""Formats of access logs as the configuration of a web server writes them.

Apache (mod_log_config):  %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" %D
nginx (log_format):       $remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent

A format becomes a regular expression with a group for each field that is used. All others are
matched and dropped.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hubbub.errors import UsageError

__all__ = ["compiled", "fields"]

_APACHE = re.compile(r"%(?:[!0-9,]*)[<>]?(?:\{([^}]*)\})?(\^?[A-Za-z]{1,2}|%)")
_NGINX = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_APACHE_FIELDS = {
    "h": "host",
    "a": "host",
    "l": "ident",
    "u": "user",
    "t": "time",
    "r": "request",
    "s": "status",
    "b": "size",
    "B": "size",
    "O": "size",
    "m": "method",
    "U": "target",
    "H": "protocol",
}
_NGINX_FIELDS = {
    "remote_addr": "host",
    "remote_user": "user",
    "request": "request",
    "status": "status",
    "time_local": "time",
    "time_iso8601": "time",
    "msec": "time",
    "body_bytes_sent": "size",
    "bytes_sent": "size",
    "request_method": "method",
    "request_uri": "target",
    "uri": "target",
    "server_protocol": "protocol",
}
_TIMES = frozenset(("", "sec", "begin:sec", "end:sec"))  # arguments of %t that are understood
_CLF_TIME = "%d/%b/%Y:%H:%M:%S %z"
_MAX_FORMAT = 4000  # characters
_MAX_FIELDS = 100


class _Pattern:
    """A regular expression in the making."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.names: set[str] = set()

    def literal(self, text: str) -> None:
        """Add text that stands in every line; any white space matches any other."""
        self.parts += [
            r"\s{1,16}" if piece.isspace() else re.escape(piece)
            for piece in re.split(r"(\s+)", text)
            if piece
        ]

    def field(self, name: str | None, before: str, after: str) -> None:
        """Add a field.

        Args:
            name: of the group; None, or one that is there already: dropped.
            before: the character before it.
            after: the character after it; empty at the end of the line.
        """
        if before == '"' == after:
            inner = r'(?:[^"\\]|\\.)*'
        elif before == "[" and after == "]":
            inner = r"[^\]]*"
        elif name == "user":
            inner = r"[^\[\]\"]{0,300}?"  # may have spaces
        elif name == "time":
            stop = re.escape(after)
            inner = rf"[^\s{stop}]+(?: [+-][0-9]{{4}})?"  # 31/Dec/2026:23:59:59 +0000
        elif not after or after.isspace():
            inner = r"\S*"
        else:
            inner = rf"[^\s{re.escape(after)}]*"
        if name is None or name in self.names:
            self.parts.append(inner)
        else:
            self.names.add(name)
            self.parts.append(f"(?P<{name}>{inner})")


def _unquoted(text: str) -> str:
    r"""Return a format without the quotes of a configuration: 'a ' 'b', "a \"b\""."""
    text = text.strip().removesuffix(";").rstrip()
    pieces = re.findall(r"'((?:[^'\\]|\\.)*)'", text)
    if text.startswith("'") and pieces:
        text = "".join(pieces)
    elif text.startswith('"') and text.endswith('"') and r"\"" in text:
        text = text[1:-1]
    return text.replace(r"\"", '"').replace(r"\'", "'").replace(r"\t", "\t")


@lru_cache(maxsize=16)
def compiled(text: str) -> re.Pattern[str]:
    """Return the regular expression of a format; its groups are named as `fields` are.

    Raises:
        UsageError: the format names no time or no request, or cannot be read.
    """
    if len(text) > _MAX_FORMAT:
        raise _wrong(text, f"is longer than {_MAX_FORMAT:,} characters")
    plain = _unquoted(text)
    variable = _NGINX if _NGINX.search(plain) and not _APACHE.search(plain) else _APACHE
    pattern, position = _Pattern(), 0
    matches = list(variable.finditer(plain))
    if len(matches) > _MAX_FIELDS:
        raise _wrong(text, f"has more than {_MAX_FIELDS} fields")
    for match in matches:
        pattern.literal(plain[position : match.start()])
        before, after = plain[: match.start()][-1:], plain[match.end() : match.end() + 1]
        position = match.end()
        if variable.match(plain, position) and not _separable(plain, position):
            raise _wrong(text, "has two fields with nothing between them")
        if variable is _NGINX:
            pattern.field(_NGINX_FIELDS.get(match[1] or match[2]), before, after)
        elif match[2] == "%":
            pattern.literal("%")
        else:
            _apache(pattern, text, match, before, after)
    pattern.literal(plain[position:])
    if "time" not in pattern.names:
        raise _wrong(text, "names no time")
    if not pattern.names & {"request", "target"}:
        raise _wrong(text, "names no request")
    return re.compile("".join(pattern.parts))


def _separable(plain: str, position: int) -> bool:
    """Whether a field can be told from the one directly before it: a query, or a percent sign."""
    return plain.startswith(("%q", "%%"), position)


def _apache(pattern: _Pattern, text: str, match: re.Match[str], before: str, after: str) -> None:
    argument, letter = match[1], match[2]
    if letter == "t":
        if argument is None:
            pattern.literal("[")
            pattern.field("time", "[", "]")
            pattern.literal("]")
        elif argument in _TIMES or argument == _CLF_TIME:
            inner_before, inner_after = ("[", "]") if before == "[" else (before, after)
            pattern.field("time", inner_before, inner_after)
        elif argument.rpartition(":")[2] in {"msec", "usec", "msec_frac", "usec_frac"}:
            pattern.field(None, before, after)
        else:
            raise _wrong(text, f"has a time that is not understood, %{{{argument}}}t")
    elif letter == "q":  # glued to %U
        pattern.parts.append(r"(?:\?[^\s\"]*)?")
    elif letter == "U" and after == "%":
        pattern.field("target", before, "?")  # %U%q
    else:
        name = None if argument is not None and letter != "a" else _APACHE_FIELDS.get(letter)
        pattern.field(name, before, after)


def _wrong(text: str, what: str) -> UsageError:
    return UsageError(
        f"the format {text[:200]!r} {what}",
        where="--log-format",
        hint='write it as LogFormat of Apache does (%h %l %u %t "%r" %>s %b), or log_format of '
        'nginx ($remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent)',
    )


def fields(text: str, log_format: str) -> dict[str, str]:
    """Return the fields of a line: `host ident user time request status size`, as far as named.

    Raises:
        ValueError: the line is not of this format.
    """
    match = compiled(log_format).fullmatch(text)
    if match is None:
        raise ValueError("the line is not of the format that --log-format gives")
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    if "request" not in found:
        parts = (found.get("method", "-"), found["target"], found.get("protocol", ""))
        found["request"] = " ".join(parts).rstrip()
    return found
