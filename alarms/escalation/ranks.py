"""Ranks order the board and every sender, lower first. Fire is 0 and nothing may stand above it (BS 8591).

A repeat lifts an alarm by one: between two kinds there is always room for that.
"""

FIRE, GAS, VOICE_LOST, PERSONAL, UNKNOWN, CANARY, URGENT, TECHNICAL, INFORMATION = 0, 2, 5, 10, 12, 14, 30, 50, 90

FIRE_TYPES = frozenset({"smoke", "heat", "fire_panel", "sprinkler"})
"""The types of alarm that stand at FIRE; the table of types says the same, and a test holds the two together."""
