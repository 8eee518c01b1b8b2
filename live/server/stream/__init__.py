"""`/live`: frames for the live page, as server-sent events."""
