"""Decoding, the block grid, resampling and writing of audio, in bounded memory."""
