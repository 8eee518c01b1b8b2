"""Notifications: sending each change of an alert once to each channel of its rule."""
