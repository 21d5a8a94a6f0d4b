"""What heartbeats tell about a hub."""
