"""The alarm as operators handle it: claim, note, attend, close, and the board."""
