"""The hooks of the configuration, checked: `[hooks.NAME]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from hubbub.collector.hooks.signatures import KINDS, SIGNATURE_HEADER, Kind, signing_key
from hubbub.config import HookConfig
from hubbub.errors import UsageError

__all__ = ["GITHUB_API", "GitHubHook", "Hook", "read_hooks", "read_token"]

GITHUB_API = "https://api.github.com"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
_ORGANIZATION = re.compile(r"[\w.-]{1,100}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_MAX_SECRET_FILE = 64 << 10  # bytes


@dataclass(frozen=True, slots=True)
class GitHubHook:
    """Where GitHub keeps the deliveries of a hook."""

    owner: str  # `repos/OWNER/NAME` or `orgs/NAME`
    hook_id: int
    token_file: Path
    api: str = GITHUB_API  # without a slash at the end


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook that deliveries are accepted for."""

    name: str
    kind: Kind
    secrets: tuple[str, ...] = field(default=(), repr=False)  # empty: unsigned ones are accepted
    signature_header: str = SIGNATURE_HEADER
    github: GitHubHook | None = None

    @property
    def source(self) -> str:
        """The `source` of its frames and spans."""
        return f"hook:{self.name}"


def read_hooks(hooks: Mapping[str, HookConfig], *, loopback: bool) -> dict[str, Hook]:
    """Return the configured hooks by name.

    Args:
        hooks: sections of the configuration.
        loopback: whether only this machine can reach the server.

    Raises:
        UsageError: a section is not complete, or contradicts itself; names it.
    """
    return {name: _hook(name, section, loopback=loopback) for name, section in hooks.items()}


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        UsageError: the file cannot be read, or is empty.
    """
    lines = _lines(path, "the token")
    if len(lines) != 1:
        raise UsageError("the file must hold one line, the token", where=str(path))
    return lines[0]


def _hook(name: str, section: HookConfig, *, loopback: bool) -> Hook:
    where = f"[hooks.{name}]"
    if not _NAME.fullmatch(name):
        hint = "lower-case letters, digits, - and _: it is part of the address and of the topics"
        raise UsageError(f"{name!r} cannot name a hook", where=where, hint=hint)
    kind = section.kind or next((kind for kind in KINDS if kind == name), None)
    if kind is None:
        hint = f"add `kind`: one of {', '.join(KINDS)}"
        raise UsageError(f"it is not known who sends to /hook/{name}", where=where, hint=hint)
    header = section.signature_header or SIGNATURE_HEADER
    if section.signature_header is not None and kind != "generic":
        raise UsageError("`signature_header` is of the kind generic only", where=where)
    if not _HEADER.fullmatch(header):
        raise UsageError(f"{header!r} cannot be a header", where=f"{where} signature_header")
    return Hook(
        name,
        kind,
        _secrets(section, where, loopback=loopback),
        header,
        _github(section, kind, where),
    )


def _secrets(section: HookConfig, where: str, *, loopback: bool) -> tuple[str, ...]:
    secrets = (section.secret,) if isinstance(section.secret, str) else section.secret
    if section.secret_file is not None:
        if secrets:
            raise UsageError("give `secret` or `secret_file`, not both", where=where)
        secrets = _lines(Path(section.secret_file), "the secret")
    if section.insecure:
        if secrets:
            raise UsageError("a hook with a secret cannot be `insecure`", where=where)
        if not loopback:
            hint = "give it a secret, or let `hubbub serve` listen on 127.0.0.1 only"
            raise UsageError(
                "this hook would accept unsigned deliveries from anyone", where=where, hint=hint
            )
        return ()
    if not secrets or not all(secret.strip() for secret in secrets):
        hint = 'add secret = "…" or secret_file, the same as the sender has (docs/hooks.md)'
        raise UsageError("the hook has no secret", where=where, hint=hint)
    for secret in secrets:
        try:
            signing_key(secret)
        except ValueError as error:
            raise UsageError(f"the secret is not a signing token: {error}", where=where) from None
    return tuple(secrets)


def _lines(path: Path, what: str) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_SECRET_FILE).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{what} cannot be read: {why}", where=str(path)) from None
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not lines:
        raise UsageError(f"the file of {what.removeprefix('the ')} is empty", where=str(path))
    return lines


def _is_local(address: SplitResult) -> bool:
    return address.scheme == "http" and address.hostname in {"127.0.0.1", "::1", "localhost"}


def _github(section: HookConfig, kind: Kind, where: str) -> GitHubHook | None:
    stated = (section.repository, section.organization, section.hook_id, section.token_file)
    if all(value is None for value in stated):
        if section.api is not None:
            raise UsageError("`api` needs `repository`, `hook_id` and `token_file`", where=where)
        return None
    if kind != "github":
        raise UsageError("only GitHub keeps deliveries that can be read again", where=where)
    if section.hook_id is None or section.token_file is None:
        hint = "the number at the end of the hook's address in GitHub's settings, and a token"
        raise UsageError("healing needs `hook_id` and `token_file`", where=where, hint=hint)
    if (section.repository is None) == (section.organization is None):
        raise UsageError("healing needs `repository` or `organization`", where=where)
    owner = section.repository or section.organization or ""
    if not (_REPOSITORY if section.repository else _ORGANIZATION).fullmatch(owner):
        raise UsageError(f"{owner!r} is not on GitHub", where=where, hint='write "owner/name"')
    if section.hook_id <= 0:
        raise UsageError(f"{section.hook_id} is not the number of a hook", where=where)
    token_file = Path(section.token_file)
    read_token(token_file)
    api = (section.api or GITHUB_API).rstrip("/")
    address = urlsplit(api)
    if not address.hostname or not (address.scheme == "https" or _is_local(address)):
        hint = "the token would travel unprotected: write https://…"
        raise UsageError(f"{api!r} is no address of an API", where=f"{where} api", hint=hint)
    group = "repos" if section.repository else "orgs"
    return GitHubHook(f"{group}/{owner}", section.hook_id, token_file, api)
