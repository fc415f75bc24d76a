"""What is learnt of a dataset after it was made: notes, quantiles, statistics."""
