"""Generated mail of every class of bad input, with the outcome that each must have."""
