"""Answers behind permanent links: kept as bytes until something of them is deleted."""
