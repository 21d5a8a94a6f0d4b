"""Measured figures of a whole system on this machine. What travels between machines are ratios within one run."""
