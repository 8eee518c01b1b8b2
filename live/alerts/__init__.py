"""Alerts: rules from the configuration, their evaluation in event time, and their history."""
