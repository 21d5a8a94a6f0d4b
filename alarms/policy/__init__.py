"""Escalation policies: documents that say whom an alarm goes to, checked before they are live."""
