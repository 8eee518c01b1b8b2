"""Where a mirror lies: `s3://BUCKET/PATH`, or `file:///PATH` for a mount that machines share.

Objects are written as a whole or not at all. Credentials are never part of a URL, of a log entry or
of an error: they are those that AWS' own tools would use (`AWS_ACCESS_KEY_ID`, …, profiles, roles),
and `AWS_ENDPOINT_URL` names another object store than Amazon's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow.fs as pafs

from hubbub.errors import UsageError
from hubbub.store.disk.files import (
    make_folder,
    new_file,
    replace_file,
    sync_file,
    sync_folder,
)
from hubbub.store.mirror.failures import no_bucket, translated

__all__ = ["PROTOCOL", "SCHEMES", "Object", "Place", "is_url"]

SCHEMES = ("s3", "file")
#: Of the paths by which the query engine knows data files on an object store.
PROTOCOL = "mirror"
_TIMEOUT = 20.0  # seconds to connect, and for an answer
_CHUNK = 8 << 20  # bytes copied at once
_REGION = "us-east-1"


def is_url(text: str) -> bool:
    """Whether a text is the URL of a mirror, and not a path."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


@dataclass(frozen=True, slots=True)
class Object:
    """An object of a mirror."""

    path: str  # below the mirror's URL
    size: int  # bytes
    modified: float  # seconds since the epoch

    @property
    def stamp(self) -> tuple[int, float]:
        """What tells that it was written again."""
        return self.size, self.modified


class Place:
    """The folder of a mirror, on an object store or a mount. Safe for several threads.

    Args:
        url: `s3://BUCKET/PATH` or `file:///PATH`.

    Raises:
        UsageError: another kind of URL, or one that holds credentials.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        scheme, path = parts.scheme.lower(), unquote(parts.path)
        if parts.username or parts.password:
            raise UsageError(
                "a mirror's URL must not hold credentials",
                where=f"{scheme}://…",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile",
            )
        if scheme not in SCHEMES or parts.query or parts.fragment:
            raise UsageError(
                "this is not the URL of a mirror",
                where=url,
                hint="write s3://BUCKET/PATH, or file:///PATH for a mount",
            )
        path = "/".join(part for part in path.split("/") if part not in {"", "."})
        if ".." in path.split("/"):
            raise UsageError("a mirror's URL must not contain ..", where=url)
        self.is_local = scheme == "file"
        if self.is_local:
            if parts.netloc not in {"", "localhost"} or not path:
                raise UsageError("a file URL needs an absolute path", where=url, hint="file:///…")
            self.root, self.url = f"/{path}", f"file:///{path}"
        else:
            if not parts.netloc:
                raise UsageError("the URL names no bucket", where=url, hint="s3://BUCKET/PATH")
            self.root = "/".join(part for part in (parts.netloc, path) if part)
            self.url = f"s3://{self.root}"
        self._files: Any = None

    @property
    def files(self) -> Any:
        """The file system, as pyarrow's."""
        if self._files is None:
            if self.is_local:
                self._files = pafs.LocalFileSystem()
            else:
                self._files = pafs.S3FileSystem(
                    connect_timeout=_TIMEOUT,
                    request_timeout=_TIMEOUT,
                    region=_region(),
                    allow_bucket_creation=False,
                    **_endpoint_arguments(),
                )
        return self._files

    @property
    def options(self) -> dict[str, str] | None:
        """What delta-rs has to know of the object store, without credentials."""
        if self.is_local:
            return None
        options = {"AWS_REGION": _region(), "aws_conditional_put": "etag", "timeout": "60s"}
        if endpoint := _endpoint():
            options["AWS_ENDPOINT_URL"] = endpoint
            if endpoint.startswith("http://"):
                options["AWS_ALLOW_HTTP"] = "true"
        return options

    def path(self, *parts: str) -> str:
        """Return the path of an object for `files`."""
        return "/".join((self.root, *parts))

    def table_url(self, name: str) -> str:
        """Return the URL of a table for delta-rs."""
        return self.path(name) if self.is_local else f"{self.url}/{name}"

    def read(self, path: str) -> bytes | None:
        """Return an object; None if there is none.

        Raises:
            SourceError, UsageError: it cannot be read.
        """
        with translated(self):
            try:
                with self.files.open_input_stream(self.path(path)) as stream:
                    return bytes(stream.read())
            except FileNotFoundError:
                return None

    def write(self, path: str, content: bytes) -> None:
        """Write an object, replacing the one before.

        Raises:
            SourceError, UsageError: it cannot be written.
            NoRoomError: the mount is full.
        """
        if self.is_local:
            target = Path(self.path(path))
            with translated(self):
                make_folder(target.parent)
                replace_file(target, content)
            return
        with translated(self), self.files.open_output_stream(self.path(path)) as stream:
            stream.write(content)

    def put(self, source: Path, path: str) -> None:
        """Copy a file into the mirror, durably, under a name that is not used yet.

        Raises:
            SourceError, UsageError: it cannot be written.
            NoRoomError: the mount is full.
        """
        with translated(self):
            if self.is_local:
                make_folder(Path(self.path(path)).parent)
            with source.open("rb") as data, self.files.open_output_stream(self.path(path)) as out:
                while part := data.read(_CHUNK):
                    out.write(part)
            self.sync(path)

    def sync(self, path: str) -> None:
        """Make a file of a mount durable; an object store's are."""
        if self.is_local:
            sync_file(Path(self.path(path)))
            with suppress(PermissionError):
                sync_folder(Path(self.path(path)).parent)

    def fetch(self, path: str, target: Path) -> None:
        """Copy an object to a local file.

        Raises:
            SourceError, UsageError: it cannot be read; `target` does not exist then.
            NoRoomError: the local disk is full.
        """
        with translated(self):
            make_folder(target.parent)
            with self.files.open_input_stream(self.path(path)) as data, new_file(target) as out:
                while chunk := data.read(_CHUNK):
                    out.write(chunk)

    def list(self, folder: str, *, recursive: bool = False) -> list[Object]:
        """Return the objects in a folder; none if there is no folder.

        Raises:
            SourceError, UsageError: it cannot be listed.
        """
        selector = pafs.FileSelector(self.path(folder), allow_not_found=True, recursive=recursive)
        with translated(self):
            found = self.files.get_file_info(selector)
        skip = len(self.root) + 1
        return [
            Object(info.path[skip:], info.size, (info.mtime_ns or 0) / 1e9)
            for info in found
            if info.type == pafs.FileType.File
        ]

    def exist(self, paths: Sequence[str]) -> bool:
        """Whether all of these objects exist."""
        with translated(self):
            found = self.files.get_file_info([self.path(path) for path in paths])
        return all(info.type == pafs.FileType.File for info in found)

    def delete(self, path: str) -> None:
        """Delete an object, if there is one."""
        with translated(self), suppress(FileNotFoundError):
            self.files.delete_file(self.path(path))

    def is_there(self) -> bool:
        """Whether the folder exists: a mount may be missing; an object store has no folders."""
        return not self.is_local or Path(self.root).is_dir()

    def reach(self) -> None:
        """Check that the bucket, or the folder of a mount, can be reached.

        Raises:
            UsageError: there is no such bucket or folder, or no permission.
            SourceError: it cannot be reached.
        """
        if self.is_local:
            parent = Path(self.root).parent
            if not parent.is_dir():
                raise UsageError(
                    "there is no such folder, or it is not mounted", where=f"file://{parent}"
                )
            return
        bucket = self.root.partition("/")[0]
        with translated(self):
            info = self.files.get_file_info(bucket)
        if info.type == pafs.FileType.NotFound:
            raise no_bucket(self)


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION


def _endpoint_arguments() -> dict[str, str]:
    """Return the endpoint as pyarrow takes it."""
    if not (endpoint := _endpoint()):
        return {}
    scheme, separator, host = endpoint.partition("://")
    if not separator:
        raise UsageError("not a URL", where="AWS_ENDPOINT_URL", hint="write http://HOST:PORT")
    return {"endpoint_override": host.rstrip("/"), "scheme": scheme}
