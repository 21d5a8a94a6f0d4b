"""What notifications are delivered to where no real provider is: a mail server and a webhook receiver that remember."""
