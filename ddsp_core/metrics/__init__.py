"""How far generated audio and notes are from those wanted."""
