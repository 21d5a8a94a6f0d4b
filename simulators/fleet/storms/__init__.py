"""Storms: what fails when, whom it hits and who presses in it. Pure; the same roster and seed give the same story."""
