"""The states of a plan. Pure."""

from enum import StrEnum


class PlanState(StrEnum):
    """How far a plan is: asked for, being made, ready to be looked at, failed, accepted by somebody."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    ACCEPTED = "accepted"


REPLAN_SECONDS = 4.0
"""So long it is searched for each week when a plan is made anew: somebody waits for it."""
