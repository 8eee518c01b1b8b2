"""Durable files and folders, disk errors and quarantine."""
