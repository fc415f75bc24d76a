"""Timbre transfer: play the pitch and loudness of one recording on another's model."""
