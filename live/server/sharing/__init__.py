"""Addresses that people share: explanations, permanent links, the feed and badges."""
