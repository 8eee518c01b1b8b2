"""The documents of the notebook statistics (daily_metrics, material_usage, monitor_counts)."""
