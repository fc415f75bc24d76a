"""Optimising `ddsp_core` models on a dataset directory."""
