"""Counts per period kept beside the events."""
