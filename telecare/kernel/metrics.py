"""The registry of Prometheus metrics of this process; every room declares its own metrics on it."""

from prometheus_client import CollectorRegistry

REGISTRY = CollectorRegistry()
"""Our own registry and not the library's global one: what we show is what we chose."""
