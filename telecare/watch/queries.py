"""What is asked of the database about how the service is: once for the service itself and once for its watchdog.

Plain SQL, so that the watchdog can ask over a connection of its own. Numbers only, never a person. Each answer comes
from an index: what is asked each few seconds must not weigh on a storm. A canary is nobody's alarm and never counts.
"""

from typing import NamedTuple


class Lag(NamedTuple):
    """For how many seconds the oldest has waited, 0 when nothing waits that should not.

    `life` is the most overdue step of an open life-safety alarm, `every` of any open alarm, `outbox` the message to
    people that should have left first.
    """

    life: float
    every: float
    outbox: float


LAG = """
    SELECT coalesce(extract(epoch FROM moment.now - (
               SELECT min(next_due_at) FROM alarm
                WHERE handling <> 'closed' AND next_due_at <= moment.now AND class = 'L')), 0)::float8,
           coalesce(extract(epoch FROM moment.now - (
               SELECT min(next_due_at) FROM alarm
                WHERE handling <> 'closed' AND next_due_at <= moment.now AND class <> 'C')), 0)::float8,
           coalesce(extract(epoch FROM moment.now - (
               SELECT min(coalesce(lease_until, due_at)) FROM outbox
                WHERE state IN ('pending', 'sending') AND coalesce(lease_until, due_at) <= moment.now
                  AND channel <> 'canary')), 0)::float8
      FROM (SELECT clock_timestamp() AS now OFFSET 0) AS moment
"""
"""The columns are those of `Lag`. A leased message counts from the end of its lease: until then a sender has it."""

SILENCE = """
    SELECT extract(epoch FROM clock_timestamp() - coalesce(
               max(sent_at) FILTER (WHERE arrived_at <= sent_at + $1 * interval '1 s'), min(sent_at)))::float8
      FROM canary
"""
"""For how many seconds no canary has come through within $1 seconds: since the last that did was sent, or since the
first when none ever did. NULL: none was sent."""

WATCHERS = """
    SELECT name, extract(epoch FROM clock_timestamp() - succeeded_at)::float8 AS lag, every_s
      FROM watcher WHERE looked_at > clock_timestamp() - interval '7 days' ORDER BY name
"""
"""For how many seconds each task that looks at intervals has not got through a round. One that nobody has run for a
week is of a program that is gone."""
