"""`/healthz` and `/metrics` of a server, and what they count."""
