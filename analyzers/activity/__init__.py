"""Queries about volume: totals, comparisons of periods, heatmaps, coverage."""
