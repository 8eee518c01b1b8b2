"""Rollups: sums per hour, day and week, kept up to date with the events."""
