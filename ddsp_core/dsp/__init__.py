"""Pure functions on tensors, one topic a file."""
