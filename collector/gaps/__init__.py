"""Gaps in what was received: detection, healing from history, audits."""
