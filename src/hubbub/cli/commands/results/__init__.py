"""Commands that run queries, draw views or write stored events."""
