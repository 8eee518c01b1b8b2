"""What documents a key of the configuration: its text, an example, its default."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["key"]


def key(
    doc: str,
    example: Any,
    *,
    default: str = "",
    since: str = "0.1",
    path: bool = False,
    secret: bool = False,
) -> msgspec.Meta:
    """Return the annotation that documents a field of a section.

    The reference, the sample file and `hubbub config show` are made from it.

    Args:
        doc: what the value means, without a full stop.
        example: a value that is valid in the file.
        default: what applies if the key is not set, where the field's default does not say it.
        since: version of hubbub that knows the key.
        path: the value names files, relative to the configuration file.
        secret: the value is never shown.
    """
    extra = {"default": default, "since": since, "path": path, "secret": secret}
    return msgspec.Meta(description=doc, examples=[example], extra=extra)
