"""Periods, ticks, times and materialised tables shared by the queries."""
