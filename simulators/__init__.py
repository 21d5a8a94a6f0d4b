"""Simulated hubs, fleets and notification providers: they speak the wire contracts and know nothing of the service."""
