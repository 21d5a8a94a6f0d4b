"""Mass incidents: one cause, many homes."""
