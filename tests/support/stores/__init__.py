"""Stores with contents, and what happens to them."""
