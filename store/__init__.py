"""From events to durable, unique, queryable tables: spool, loader, Delta tables, state, engine."""
