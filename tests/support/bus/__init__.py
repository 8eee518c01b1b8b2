"""Buses and their certificates."""
