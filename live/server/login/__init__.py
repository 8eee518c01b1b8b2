"""Pages of who uses the server: logging in and out, and a person's own page."""
