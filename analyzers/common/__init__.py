"""Helpers that the queries share: periods, ticks, times, limits and materialised tables."""
