"""Delta tables: transaction log, Parquet data files, durable commits, merging and rewriting."""
