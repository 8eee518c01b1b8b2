"""The ZeroMQ bus: SUB sockets, their endpoints, and the receiver that empties them."""
