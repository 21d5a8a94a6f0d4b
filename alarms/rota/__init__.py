"""Who is on when."""
