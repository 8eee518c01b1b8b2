"""Workflow files for forges: they gather, publish and commit every day."""

from __future__ import annotations

from importlib import resources

__all__ = ["workflow"]


def workflow(forge: str) -> str:
    """Return the workflow file for a forge.

    Args:
        forge: github, gitlab or forgejo.
    """
    return resources.files(__name__).joinpath(f"{forge}.yml").read_text("utf-8")
