"""Functions of their arguments only: standard library, no I/O, no clock, no chance."""
