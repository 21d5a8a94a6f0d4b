"""What council and communications provider tell each other, and which lines must not be moved."""
