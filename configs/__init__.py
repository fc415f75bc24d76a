"""Packaged gin configs; data only."""
