"""What joins the switchover with alarms and people who log in: swaps step by step, and evidence from messages."""
