"""Colleagues in the control room: they take what has waited for a while and handle it, over the HTTP API only."""
