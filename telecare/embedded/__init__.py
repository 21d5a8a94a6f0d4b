"""The engines that the demo and the tests bring: a real PostgreSQL and a real MQTT broker, each its own process."""

from telecare.embedded.broker import EmbeddedBroker
from telecare.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedBroker", "EmbeddedPostgres"]
