"""Where the configuration and the store are by default, and where the files in it are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.config import Config

__all__ = ["default_path", "default_store", "resolve_paths"]


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


def resolve_paths(config: Config, folder: Path) -> Config:
    """Make the paths in a configuration absolute; they are relative to its folder."""

    def absolute(path: str) -> str:
        return str(folder / Path(path).expanduser())

    def section(part: Any, *names: str) -> Any:
        paths = {name: getattr(part, name) for name in names}
        return msgspec.structs.replace(
            part, **{name: absolute(path) for name, path in paths.items() if path is not None}
        )

    return msgspec.structs.replace(
        config,
        servers={
            name: server if isinstance(server, str) else section(server, "token_file")
            for name, server in config.servers.items()
        },
        notify={
            name: channel if isinstance(channel, str) else section(channel, "url_file")
            for name, channel in config.notify.items()
        },
        store=None if config.store is None else absolute(config.store),
        plugins=msgspec.structs.replace(
            config.plugins, files=tuple(map(absolute, config.plugins.files))
        ),
        people=section(config.people, "directory", "rules", "affiliations"),
        serve=msgspec.structs.replace(
            section(config.serve, "style"),
            wrappers={
                pattern: absolute(name) if ".py:" in name else name
                for pattern, name in config.serve.wrappers.items()
            },
        ),
        trust=section(config.trust, "ca", "crl", "policy"),
        hooks={
            name: section(hook, "secret_file", "rules", "token_file")
            for name, hook in config.hooks.items()
        },
        listen=msgspec.structs.replace(
            section(config.listen, "amqp_ca", "amqp_cert", "amqp_key"),
            amqp_config=tuple(map(absolute, config.listen.amqp_config)),
        ),
    )
