"""The states of a plan. Pure."""

from enum import StrEnum


class PlanState(StrEnum):
    """How far a plan is: asked for, being made, ready to be looked at, failed, accepted by somebody."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    ACCEPTED = "accepted"
