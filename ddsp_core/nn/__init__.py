"""Layers, encoders, decoders and preprocessing, with Magenta's attribute names.

Nothing is imported here: `processors` needs `nn.keras` alone.
"""
