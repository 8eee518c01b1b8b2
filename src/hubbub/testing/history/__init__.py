"""A simulated datagrepper: archive, requests, HTTP server."""
