"""Beam preparation, the command line, and the workflow that chains the steps."""
