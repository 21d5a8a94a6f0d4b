"""The service: what the hubs talk to, what the control room looks at, and the command that starts it."""
