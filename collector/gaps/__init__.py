"""Gaps in what was heard: detection, healing from history, audits."""
