"""What is asked of a hub from here, and what it answered."""
