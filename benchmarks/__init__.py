"""How fast Luthier is, as ratios to Magenta's package measured in the same run."""
