"""Where the configuration and the store are by default."""

from __future__ import annotations

from pathlib import Path

from hubbub.errors import UsageError

__all__ = ["default_path", "default_store"]


def default_path() -> Path | None:
    """Return the path of `hubbub.toml` in the platform's configuration folder.

    None for an account without a home folder.
    """
    import platformdirs

    try:
        return platformdirs.user_config_path("hubbub") / "hubbub.toml"
    except RuntimeError:  # systemd's DynamicUser: neither HOME nor an entry in passwd
        return None


def default_store() -> Path:
    """Return the platform's data folder.

    Raises:
        UsageError: the account has no home folder.
    """
    import platformdirs

    try:
        return platformdirs.user_data_path("hubbub")
    except RuntimeError:
        raise UsageError(
            "this account has no home folder for a default store",
            hint="give --store PATH, or `store` in a file given with --config",
        ) from None
