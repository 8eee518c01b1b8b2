"""A simulated bus, history server and log, for trying hubbub, for tests and for load."""
