"""Models: what is trained, saved and played."""
