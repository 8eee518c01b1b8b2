"""From spool segments to tables: batches, recovery, damage."""
