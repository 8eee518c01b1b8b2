"""The traffic model of the simulated bus: rates, topics, names, message bodies."""
