"""What notifications are delivered to where no real provider is: sinks for mail and webhooks, and a whole provider."""
