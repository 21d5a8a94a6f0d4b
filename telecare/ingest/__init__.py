"""From the broker to a committed row: three lanes that never wait for each other."""
