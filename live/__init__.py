"""Health checks and metrics of a running listener, over HTTP."""
