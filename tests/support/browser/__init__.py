"""A browser under the control of a test."""
