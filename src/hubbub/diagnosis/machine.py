"""Checks of the machine: Python, the store's disk, the clock."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from hubbub.diagnosis.check import Check, Level, from_error
from hubbub.errors import UsageError
from hubbub.store.disk.filesystem import check_local

__all__ = ["check_clock", "check_python", "check_store"]

_OLDEST = (3, 11)
_LITTLE, _SCARCE = 256 << 20, 2 << 30  # bytes
_TIMEOUT = 5.0  # s


def check_python() -> Check:
    """Check the version of Python."""
    text = f"Python {platform.python_version()} on {platform.system()}, {platform.machine()}"
    if sys.version_info < _OLDEST:
        return Check("Python", Level.FAILED, text, "hubbub needs Python 3.11 or newer")
    return Check("Python", Level.OK, text)


def check_store(folder: Path) -> Check:
    """Check where the store is or will be: a local disk, writable, with space."""
    name = f"store {folder}"
    place = folder.absolute()
    while not os.path.lexists(place):
        place = place.parent
    try:
        check_local(folder)
        free = shutil.disk_usage(place).free
    except UsageError as error:
        return from_error(name, error)
    except OSError as error:
        return Check(name, Level.FAILED, f"cannot be looked at: {error.strerror}")
    if not os.access(place, os.W_OK):
        hint = "choose another folder with --store, or run as the user who owns it"
        return Check(name, Level.FAILED, "this user cannot write there", hint)
    space = f"{free / 2**30:,.1f} GiB free"
    if free < _LITTLE:
        return Check(name, Level.FAILED, space, "free space: messages are lost when it is full")
    if free < _SCARCE:
        return Check(name, Level.WARNING, space, "a busy bus takes about 1 GB a month")
    return Check(name, Level.OK, space)


def check_clock() -> Check:
    """Check whether the machine synchronises its clock, as far as systemd knows."""
    program = shutil.which("timedatectl")
    if program is None:
        return Check("clock", Level.UNKNOWN, "not known whether it is synchronised")
    try:
        synchronised = subprocess.run(  # noqa: S603  a constant command
            [program, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True, text=True, timeout=_TIMEOUT, check=False,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        synchronised = ""
    if synchronised == "yes":
        return Check("clock", Level.OK, "synchronised")
    if synchronised == "no":
        hint = "timedatectl set-ntp true; gaps and windows are recorded by this clock"
        return Check("clock", Level.WARNING, "not synchronised", hint)
    return Check("clock", Level.UNKNOWN, "not known whether it is synchronised")
