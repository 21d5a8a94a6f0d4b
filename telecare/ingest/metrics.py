"""What the ingest counts."""

from prometheus_client import Counter, Gauge, Histogram

from telecare.kernel.metrics import REGISTRY

MESSAGES = Counter(
    "telecare_messages_total",
    "Messages taken in, by lane and what became of them",
    ["lane", "status"],
    registry=REGISTRY,
)
FAILURES = Counter(
    "telecare_message_failures_total",
    "Tries to take a message in that failed and were repeated",
    ["lane"],
    registry=REGISTRY,
)
LATENCY = Histogram(
    "telecare_message_seconds",
    "From receipt to commit, by lane",
    ["lane"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
    registry=REGISTRY,
)
WAITING = Gauge(
    "telecare_messages_waiting", "Messages received and not yet taken, by lane", ["lane"], registry=REGISTRY
)
UNREAD = Gauge(
    "telecare_places_unread",
    "Places among which heartbeats are shared and that nobody reads: their part waits in the broker",
    registry=REGISTRY,
)
