"""The Delta tables of a store: events, bodies and samples; and the index of event ids."""
