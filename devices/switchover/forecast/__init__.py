"""The forecast of a programme: how many homes remain on a day, how sure that is, and what it would take."""
