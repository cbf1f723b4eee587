"""The networks, their weights files and what computes them."""
