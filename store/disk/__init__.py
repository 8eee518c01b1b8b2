"""Durable files and folders, disk errors, quarantine."""
