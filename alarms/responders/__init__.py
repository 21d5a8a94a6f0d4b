"""Who can be sent, and how each of them is told."""
