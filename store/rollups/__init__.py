"""Rollups: sums per hour, day and week, and actions, kept up to date with the events."""
