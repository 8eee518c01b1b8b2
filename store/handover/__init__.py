"""Hand received messages over from a machine that only listens to the one that has the store."""
