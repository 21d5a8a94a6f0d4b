"""What joins hubs and people: a hub that falls silent leaves somebody without protection, and a human must know."""
