"""Queries on accesses to a notebook server: daily_metrics, material_usage, monitor_counts."""
