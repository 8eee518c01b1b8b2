"""Results as tables and as files: CSV, JSON, HTML, Parquet, text."""
