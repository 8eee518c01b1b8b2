"""A simulated datagrepper: message archive, request parsing, HTTP server."""
