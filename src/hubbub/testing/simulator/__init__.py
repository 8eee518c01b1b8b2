"""The simulated community: traffic, topics, names, message bodies."""
