"""How people are told: messages, senders, and who stands behind a target."""
