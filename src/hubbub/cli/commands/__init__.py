"""The commands, by subject; one module for each."""
