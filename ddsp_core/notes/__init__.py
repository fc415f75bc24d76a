"""Notes: as sequences and piano rolls, and found in pitch and amplitude."""
