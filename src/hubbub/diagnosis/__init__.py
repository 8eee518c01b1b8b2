"""Checks of this machine, the configuration and the configured sources, for `hubbub doctor`."""
