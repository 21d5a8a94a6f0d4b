"""The fleet: what is installed where, for whom, and whether it lives."""
