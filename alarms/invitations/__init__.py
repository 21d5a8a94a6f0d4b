"""Who was asked to come, and how they can answer: the link and the code in a message."""
