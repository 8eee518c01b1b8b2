r"""Formats of access logs as the configuration of a web server writes them.

Apache (mod_log_config):  %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" %D
nginx (log_format):       $remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent

A format becomes a regular expression with a group for each field that is used. All others are
matched and dropped. The directive of the configuration around a format (`LogFormat "…" name`,
`log_format name escape=json '…'`) may be there or not.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hubbub.collector.decode.logs import log_times
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
#: Headers that name the client where a proxy is before the server.
_FORWARDED = frozenset(("x-forwarded-for", "x-real-ip"))
_NGINX_FORWARDED = frozenset(
    ("http_x_forwarded_for", "http_x_real_ip", "proxy_add_x_forwarded_for")
)
#: What stands around a format in a configuration.
_LOG_FORMAT = re.compile(r"\s*(?:log_format\s+)?(?:[\w-]+\s+)??(?:escape=\w+\s+)?(?=['\"])")
_APACHE_LOG_FORMAT = re.compile(r"\s*LogFormat\s+(?=['\"])", re.IGNORECASE)
_IN_QUOTES = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_GLUED = re.compile(r"%(?:[<>]?U|q|%)|\$\{?(?:request_uri|uri|is_args|args|query_string)\b")
#: A field without quotes, and a list such as that of X-Forwarded-For or of upstream times; never
#: tried in another length, which would take a time that grows exponentially with the fields.
_WORDS = r"(?>[^\s{stop}]*+(?:(?<=,)\s[^\s{stop}]++|\s:\s[^\s{stop}]++)*+)"
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
        stop = re.escape(after.strip())
        if before == '"' == after:
            inner = r'(?:[^"\\]|\\.)*'
        elif before == "[" and after == "]":
            inner = r"[^\]]*"
        elif name == "user":  # may have spaces
            inner = r'(?:"(?:[^"\\]|\\.)*"|(?:[^"\\]|\\.){0,300}?)'
        elif name == "time":
            inner = rf"[^\s{stop}]+(?: [+-][0-9]{{4}})?"  # 31/Dec/2026:23:59:59 +0000
        elif name is None and not after:
            inner = ".*"
        elif name == "request" and after.isspace():
            inner = r"(?:\S+ \S+ HTTP/[0-9.]+|\S+ \S+|\S*)"
        elif after and not after.isspace() and not after.isalnum():
            inner = rf"[^{stop}]*" if name != "target" else rf"[^\s{stop}]*"
        else:
            inner = _WORDS.replace("{stop}", stop)
        if name is None or name in self.names:
            self.parts.append(inner)
        else:
            self.names.add(name)
            self.parts.append(f"(?P<{name}>{inner})")


def _unquoted(text: str) -> str:
    r"""Return a format without what is around it in a configuration: 'a ' 'b', "a \"b\"" name."""
    text = text.strip().removesuffix(";").rstrip()
    apache = _APACHE_LOG_FORMAT.match(text)
    nginx = _LOG_FORMAT.match(text)
    if apache is not None or (text.startswith('"') and text.endswith('"') and r"\"" in text):
        quoted = _IN_QUOTES.match(text, 0 if apache is None else apache.end())
        text = text if quoted is None else quoted[1] or quoted[2] or ""
    elif nginx is not None and (nginx.end() or text.startswith("'")):
        text = "".join(one or two for one, two in _IN_QUOTES.findall(text, nginx.end()))
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
    final = {letter for modifier, letter in re.findall(r"%[!0-9,]*(>)([a-z])", plain)}
    for match in matches:
        pattern.literal(plain[position : match.start()])
        before, after = plain[: match.start()][-1:], plain[match.end() : match.end() + 1]
        position = match.end()
        if variable.match(plain, position):
            after = _first_of_glued(text, plain, position)
        if variable is _NGINX:
            _nginx(pattern, match[1] or match[2], before, after)
        elif match[2] == "%":
            pattern.literal("%")
        elif match[2] in final and ">" not in match[0]:  # `%s` beside `%>s`: not the answer
            pattern.field(None, before, after)
        else:
            _apache(pattern, text, match, before, after)
    pattern.literal(plain[position:])
    _check(text, pattern.names)
    return re.compile("".join(pattern.parts))


def _check(text: str, names: set[str]) -> None:
    """Check that a time and a request are named."""
    lacks = None if "time" in names else log_times.missing(names)
    if not any(name.startswith("time") for name in names):
        lacks = "names no time"
    elif not names & {"request", "target"}:
        lacks = lacks or "names no request"
    if lacks is not None:
        raise _wrong(text, lacks)


def _first_of_glued(text: str, plain: str, position: int) -> str:
    """Return the character with which the field at a position begins, directly after another."""
    glued = _GLUED.match(plain, position)
    if glued is None:
        raise _wrong(text, "has two fields with nothing between them")
    return "%" if glued[0] == "%%" else "/" if re.search(r"U|uri", glued[0]) else "?"


def _nginx(pattern: _Pattern, name: str, before: str, after: str) -> None:
    if name in {"is_args", "args", "query_string"}:  # glued to $uri
        pattern.parts.append(r"\??" if name == "is_args" else r"[^\s\"]*")
    else:
        forwarded = "forwarded" if name in _NGINX_FORWARDED else None
        pattern.field(_NGINX_FIELDS.get(name, forwarded), before, after)


def _apache(pattern: _Pattern, text: str, match: re.Match[str], before: str, after: str) -> None:
    argument, letter = match[1], match[2]
    if letter == "t" and not argument:
        pattern.literal("[")
        pattern.field("time", "[", "]")
        pattern.literal("]")
    elif letter == "t":
        piece = log_times.pieces(argument, pattern.names)
        if piece is None:
            raise _wrong(text, f"has a time that is not understood, %{{{argument}}}t")
        pattern.parts.append(piece)
    elif letter == "q":  # glued to %U
        pattern.parts.append(r"(?:\?[^\s\"]*)?")
    elif letter == "i" and argument.lower() in _FORWARDED:
        pattern.field("forwarded", before, after)
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
    if (time := log_times.joined(found)) is not None:
        found.setdefault("time", time)
    found.setdefault("host", found.get("forwarded", "-"))
    if "request" not in found:
        parts = (found.get("method", "-"), found["target"], found.get("protocol", ""))
        found["request"] = " ".join(parts).rstrip()
    return found
