"""One module an area of the console; pages call services and repositories, never SQL."""
