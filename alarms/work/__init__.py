"""Planned work: when and where alarms that are not life-safety tell nobody, as somebody works on what causes them."""
