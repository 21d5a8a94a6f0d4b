"""What joins firmware and alarms: no hub updates while somebody there needs it, and a halt tells a human."""
