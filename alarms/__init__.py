"""The alarms: taken in, driven until a human has them, handled, and told to people."""
