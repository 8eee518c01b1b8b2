"""The Delta tables of a store: events, bodies, samples, and the index of ids."""
