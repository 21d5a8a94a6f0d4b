"""Programmes of one cause and deadline, their waves, and the units that they must replace, with dated reasons."""
