"""Makes a plan in a process of its own, which stands back behind everything else on the machine.

It reads one pickled order from standard input, writes lines of progress to standard error and the pickled answer to
standard output. Both sides are this program: nothing from outside is unpickled.
"""

import os
import pickle
import sys
from contextlib import suppress

from devices.switchover.planning.changes import Answer, Order
from devices.switchover.planning.replan import replan
from devices.switchover.planning.routing import Limits
from devices.switchover.planning.solve import Effort, make_plan

NICE = 15


def stand_back() -> None:
    """Take the processor only when nobody else wants it: an alarm never waits for a plan."""
    os.nice(NICE)
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def carry_out(order: Order) -> Answer:
    """Make what is ordered, telling how far it is on standard error."""
    if order.before is not None and order.since is not None:
        done = replan(order.problem, order.before, order.since, Limits(order.seconds))
        return Answer(done.plan, done)
    return Answer(make_plan(order.problem, Effort(order.seconds), _tell))


def _tell(done: int, of: int, words: str) -> None:
    sys.stderr.write(f"{done} {of} {words}\n")
    sys.stderr.flush()


def main() -> None:
    """Do one order."""
    stand_back()
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started us
    pickle.dump(carry_out(order), sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
