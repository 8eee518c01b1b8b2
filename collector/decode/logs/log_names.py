r"""Who sent a request: the names that a line of an access log has before its time.

    [virtual host] client ident user

Lines may have been through syslog, the client may be a list of X-Forwarded-For, and a user's name
may have spaces, quotes, brackets, and the escapes of the server: `\"`, `\\`, `\xC3\xB6`.
"""

from __future__ import annotations

import ipaddress
import re

from hubbub.collector.names import MAX_NAME

__all__ = ["account", "client", "shortened", "split_names", "unescaped"]

#: Statuses that say that the user is only claimed: wrong password, not permitted.
_REFUSED = frozenset((401, 403, 407))
_HOST_PORT = re.compile(r"[^\s:\[\]]+:[0-9]{1,5}")
_WITH_PORT = re.compile(r"(\[[^\]\s]*\]|[0-9.]+):[0-9]{1,5}")
#: `Oct 14 18:53:16 web1 nginx[12]: `, as RFC 3164 has it, or with a time of ISO 8601.
_SYSLOG = re.compile(
    r"(?:<[0-9]{1,3}>)?(?:[A-Z][a-z]{2} [ 0-3]?[0-9] [0-9:]{8}|[0-9-]{10}T\S{8,30}) "
    r"[^\s\"]{1,255} [^\s\":]{1,64}: (?=\S)"
)
#: The list of X-Forwarded-For, of which the first is the client; maybe behind a virtual host.
_LIST = re.compile(r"(?:[^\s,]+\s)?((?:[^\s,\"]+,\s{0,4}){1,100}[^\s,\"]+)(?=\s)")
_NOT_SAID = frozenset(("-", "unknown"))
#: What ingress-nginx wrote between client and user: `192.0.2.1 - [192.0.2.1] - ana`.
_REPEATED = re.compile(r"\[[^\]\s]*\] - (.*)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPES = re.compile(r'((?:\\x[0-9A-Fa-f]{2})+)|((?:\\u[0-9A-Fa-f]{4})+)|\\(["\\/])')
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_ONE_BYTE = re.compile(r"\\x(..)")
_KEPT_LABELS = 2  # of the name of a host
_IPV4_KEPT, _IPV6_KEPT = 24, 48  # bits of an address


def split_names(text: str, *, spaces: bool) -> tuple[str, str, str]:
    """Split what comes before the time into client, ident and user, without a virtual host.

    Args:
        text: of the line.
        spaces: the user may contain spaces, or be missing after an ident of `-`.

    Raises:
        ValueError: it is not of this form.
    """
    text = _SYSLOG.sub("", text, count=1)
    words = text.split(maxsplit=3)
    if listed := _LIST.match(text):
        host, rest = client(listed[1]), text[listed.end() :].split(maxsplit=1)
    elif len(words) > 3 and _is_virtual_host(*words[:3]):  # noqa: PLR2004
        host, rest = words[1], words[2:]
    else:
        host, *rest = text.split(maxsplit=2)
    ident, user = rest if len(rest) == 2 else (*rest, "", "")[:2]  # noqa: PLR2004
    if spaces and ident == "-":
        repeated = _REPEATED.fullmatch(user)
        return host, ident, (repeated[1] if repeated else user) or "-"
    # identd is hardly ever asked: words before a user with spaces are something else.
    if not user or (len(user.split()) > 1 and _QUOTED.fullmatch(user) is None):
        raise ValueError("expected the form host ident user before the time")
    return host, ident, user


def _is_virtual_host(first: str, second: str, third: str) -> bool:
    """Whether the first of four words is a site's name, and the second the client."""
    if _is_address(second):
        return True
    return second != "-" and (
        third == "-" or (_HOST_PORT.fullmatch(first) is not None and not _is_address(first))
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(_without_port(text))
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    match = _WITH_PORT.fullmatch(host)
    return (host if match is None else match[1]).strip("[]")


def client(host: str) -> str:
    """Return the client of a list of X-Forwarded-For, its first; a single host as it is."""
    if "," not in host:
        return host
    hosts = [part.strip() for part in host.split(",")]
    return next((part for part in hosts if part and part not in _NOT_SAID), "-")


def account(user: str, status: int, *, escaped: bool) -> str | None:
    r"""Return the user who was authenticated; None if there is none.

    Of a refused request the user is only claimed. Apache writes an empty name as `""`.

    Args:
        user: as the line has it.
        status: HTTP status code.
        escaped: the name has the escapes of the server.
    """
    if status in _REFUSED:
        return None
    name = user.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].strip()
    if escaped:
        name = unescaped(name).strip()
    if name == "-" or len(name) > MAX_NAME or not name.strip("\"' "):
        return None
    return name


def unescaped(text: str) -> str:
    r"""Undo the escapes that servers write: `\"`, `\\`, `\xC3\xB6` (UTF-8), `\u00f6`."""
    return _ESCAPES.sub(_unescape, text) if "\\" in text else text


def _unescape(match: re.Match[str]) -> str:
    octets, utf16, char = match.groups()
    if char:
        return str(char)
    if octets:
        text = bytes(int(pair, 16) for pair in _ONE_BYTE.findall(octets)).decode(errors="replace")
    else:
        text = bytes.fromhex(utf16.replace(r"\u", "")).decode("utf-16-be", errors="replace")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def shortened(host: str) -> str:
    """Return the network of a client: 192.0.2.0, 2001:db8:1::, or the end of its name."""
    text = _without_port(host.partition("%")[0])
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ".".join(host.split(".")[-_KEPT_LABELS:])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = _IPV4_KEPT if address.version == 4 else _IPV6_KEPT  # noqa: PLR2004
    return str(ipaddress.ip_network((address, bits), strict=False).network_address)
