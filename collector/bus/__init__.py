"""The ZeroMQ bus: receiver, endpoints, backlog and the listener that runs them."""
