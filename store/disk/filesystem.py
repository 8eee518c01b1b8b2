"""Where a store may lie: on a file system of this machine alone.

SQLite's write-ahead log and the locks of the loader and the spool need memory and locks that all
users of a file share. File systems that several machines, or a program outside of the kernel, have
a part in do not guarantee them: a store there is damaged sooner or later.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from hubbub.errors import UsageError

__all__ = [
    "LOCAL_DISK",
    "check_local",
    "check_path",
    "is_writable",
    "not_local",
    "remote_type",
]

#: Types of file systems by `f_type` of statfs(2), from linux/magic.h and the projects' own headers.
_REMOTE = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFE534D42: "SMB",
    0xFF534D42: "CIFS",
    0x65735546: "FUSE",
    0x01021997: "9p",
    0x00C36400: "Ceph",
    0x5346414F: "AFS",
    0x6B414653: "AFS",
    0x73757245: "Coda",
    0x564C: "NCP",
    0x01161970: "GFS2",
    0x7461636F: "OCFS2",
    0x0BD00BD0: "Lustre",
    0x47504653: "GPFS",
    0x19830326: "BeeGFS",
    0x20030528: "OrangeFS",
    0xAAD7AAEA: "PanFS",
    0x61636673: "ACFS",
    0x786F4256: "VirtualBox shared folder",
    0xBACBACBC: "VMware shared folder",
    0x7C7C6673: "Parallels shared folder",
}
LOCAL_DISK = (
    "put the store on a local disk (--store), and copy reports or backups to the other one: "
    "docs/operations.md, “Where a store may lie”"
)


def remote_type(path: Path) -> str:
    """Return the type of a network or FUSE file system; "" for any other, or if it is not known.

    Args:
        path: need not exist; its nearest parent that does is looked at.
    """
    place = path.absolute()
    while not os.path.exists(place) and place != place.parent:  # noqa: PTH110 - raises nothing
        place = place.parent
    return _REMOTE.get(_magic(os.fsencode(place)), "")


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _magic(path: bytes) -> int:
    """Return `f_type` of statfs(2); 0 where there is no such call."""
    if not sys.platform.startswith("linux"):
        return 0
    buffer = ctypes.create_string_buffer(1024)  # the structure has at most 120 bytes
    try:
        failed = _libc().statfs(path, buffer)
    except AttributeError:  # another C library
        return 0
    # f_type is the first member: a long, of which every type needs 32 bits
    word = ctypes.c_long.from_buffer(buffer).value
    return 0 if failed else word & 0xFFFFFFFF


def check_local(folder: Path) -> None:
    """Refuse a network or FUSE file system.

    Args:
        folder: of a store; need not exist.

    Raises:
        UsageError: it is one.
    """
    if kind := remote_type(folder):
        raise not_local(folder, f"this is {kind}")


def is_writable(*paths: Path) -> bool:
    """Whether this process may write all of these; a read-only mount refuses root, too.

    Root does not write what belongs to another account, which could not use the files that root
    creates there: a service would fail after a query of its administrator.
    """
    root = os.geteuid() == 0
    return all(
        os.access(path, os.W_OK) and not (root and path.stat().st_uid != 0) for path in paths
    )


def not_local(where: Path, why: str) -> UsageError:
    """Return the error for a file system that a store must not lie on."""
    return UsageError(
        f"the store must lie on a local disk: {why}", where=str(where), hint=LOCAL_DISK
    )


def check_path(folder: Path) -> None:
    """Refuse a path that is not UTF-8: the table library takes no other.

    Raises:
        UsageError: it is not, or this process' locale cannot tell.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        shown = str(folder).encode("ascii", "backslashreplace").decode()
        try:
            os.fsencode(folder).decode()
        except UnicodeDecodeError:
            what, hint = "the path is not UTF-8", "give the folder another name"
        else:
            encoding = sys.getfilesystemencoding()
            what = f"this process reads file names as {encoding}, and the path has other letters"
            hint = "set LC_ALL=C.UTF-8 or PYTHONUTF8=1, or use a path of ASCII letters"
        raise UsageError(what, where=shown, hint=hint) from None
