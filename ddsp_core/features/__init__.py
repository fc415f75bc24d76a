"""What a model is conditioned on: f0, its confidence and loudness, each versioned."""
