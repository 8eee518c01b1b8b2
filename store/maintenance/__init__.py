"""Compaction, retention, verification and repair."""
