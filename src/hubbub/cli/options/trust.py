"""Options of the commands that take messages in: how large they may be, and whom to believe."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hubbub.cli.app import App
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.collector.signatures.guard import TrustFiles

__all__ = ["max_message", "size_of", "size_option", "trust_files", "trust_options"]

C = TypeVar("C", bound=Callable[..., Any])
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|KiB|MiB|GiB|)", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20,
          "gib": 2**30}  # fmt: skip


def size_of(text: str, where: str = "--max-message") -> int:
    """Bytes of a text like 4MiB, 500kB, 1048576.

    Raises:
        UsageError: it is none.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"{text!r} is no size", where=where, hint="write for example 4MiB, 500kB, 1048576"
        )
    return round(float(found[1]) * _UNITS[found[2].lower()])


def size_option(command: C) -> C:
    """Add `--max-message`."""
    return click.option(
        "--max-message",
        metavar="SIZE",
        help="Refuse a larger body, and keep its beginning as a dead letter. [default: 4MiB]",
    )(command)


def max_message(app: App, stated: str | None) -> int:
    """`--max-message`, else the configuration's, else 4 MiB.

    Raises:
        UsageError: it is no size, or more than the spool can hold.
    """
    from hubbub.collector.decode.rejected import MAX_MESSAGE, check_max_message

    text = stated or app.config.max_message
    return MAX_MESSAGE if text is None else check_max_message(size_of(text))


def trust_options(command: C) -> C:
    """Add the options that say whom to believe."""
    file: dict[str, Any] = {"type": click.Path(dir_okay=False), "metavar": "FILE"}
    nitpicky = "Refuse topics that the policy does not name."
    verify = "Refuse what is not signed as it should be. [default: where there is a CA]"
    for option in (
        click.option("--verify/--no-verify", default=None, help=verify),
        click.option("--nitpicky", is_flag=True, help=nitpicky),
        click.option("--policy", **file, help="Which certificate may send which topic (TOML)."),
        click.option("--crl", **file, help="The CA's revocation list (PEM)."),
        click.option("--ca", **file, help="Whose certificates to believe (PEM)."),
    ):
        command = option(command)
    return command


def trust_files(app: App, options: dict[str, Any], *, configured: bool = True) -> TrustFiles | None:
    """Whom to believe, by the options of `trust_options`; None: everybody.

    Args:
        app: its configuration's `[trust]` answers where `--ca` is not given, and only then.
        options: of the command.
        configured: a configured CA is enough; otherwise --ca or --verify must be given.

    Raises:
        UsageError: a file is not what it should be, or an option needs a CA that is not there.
    """
    from hubbub.collector.signatures.guard import TrustFiles

    verify = options["verify"]
    if verify is False or (verify is None and not configured and options["ca"] is None):
        stated = [name for name in ("ca", "crl", "policy", "nitpicky") if options[name]]
        if stated:
            raise UsageError(
                f"--{stated[0]} says how to verify, and nothing is to be verified",
                hint="leave it out, or give --ca FILE and not --no-verify",
            )
        return None
    known = app.config.trust
    if options["ca"] is not None:
        paths = [options[name] for name in ("ca", "crl", "policy")]
        nitpicky = options["nitpicky"]
    else:
        paths = [options[name] or getattr(known, name) for name in ("ca", "crl", "policy")]
        nitpicky = options["nitpicky"] or known.nitpicky
    if paths[0] is None:
        if verify or nitpicky or any(paths):
            raise UsageError(
                "there is no CA to verify by",
                hint="give --ca FILE, or ca in the section [trust] of the configuration",
            )
        return None
    ca, crl, policy = (one and str(Path(one).absolute()) for one in paths)
    files = TrustFiles(ca, crl, policy, nitpicky)
    files.load()
    return files
