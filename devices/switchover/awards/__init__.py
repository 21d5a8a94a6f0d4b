"""How far councils are: awards, progress, cost and benefit, all computed from the fleet."""
