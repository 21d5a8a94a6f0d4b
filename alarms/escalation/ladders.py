"""The default ladders (domain section 8), as data. Editable, versioned policies take their place later.

Life-safety: 0 s queue and ring; 30 s second ring group; 60 s supervisor; 120 s partner control room; 180 s duty manager
and the person's contacts; then all of them again each minute until a human has it.
"""

from alarms.escalation.domain import Ladder, Step, Target

LIFE_SAFETY = Ladder(
    name="default life-safety",
    version=1,
    steps=(
        Step((Target.QUEUE,), 30),
        Step((Target.SECOND_QUEUE,), 30),
        Step((Target.SUPERVISOR,), 60),
        Step((Target.PARTNER_ARC,), 60),
        Step((Target.DUTY_MANAGER, Target.CONTACTS), 60),
    ),
    catch_all=(Target.QUEUE, Target.SUPERVISOR, Target.DUTY_MANAGER),
    repeat_s=60,
    ack_s=300,
    remind_s=60,
)

URGENT = Ladder(
    name="default urgent",
    version=1,
    steps=(
        Step((Target.QUEUE,), 120),
        Step((Target.SECOND_QUEUE,), 180),
        Step((Target.SUPERVISOR,), 600),
        Step((Target.DUTY_MANAGER,), 600),
    ),
    catch_all=(Target.QUEUE, Target.SUPERVISOR),
    repeat_s=600,
    ack_s=900,
    remind_s=120,
)

TECHNICAL = Ladder(
    name="default technical",
    version=1,
    steps=(Step((Target.QUEUE,), 4 * 3600), Step((Target.SUPERVISOR,), 4 * 3600)),
    catch_all=(Target.QUEUE, Target.SUPERVISOR),
    repeat_s=24 * 3600,
    ack_s=24 * 3600,
    remind_s=3600,
    closes_when_cleared=True,
)

CANARY = Ladder(
    name="canary",
    version=1,
    steps=(Step((Target.CANARY,), 60),),
    catch_all=(Target.CANARY,),
    repeat_s=3600,
    ack_s=60,
    remind_s=10,
    closes_when_cleared=True,
)
"""The service's own test alarm: it goes to its sink, and ends when it has arrived."""

WITH_ITS_INCIDENT = Ladder(
    name="with its incident",
    version=1,
    steps=(Step((Target.QUEUE,), 24 * 3600),),
    catch_all=(Target.QUEUE, Target.SUPERVISOR),
    repeat_s=24 * 3600,
    ack_s=24 * 3600,
    remind_s=3600,
    closes_when_cleared=True,
)
"""An alarm that is told with others of one cause; should nobody let it go on, it does so after a day."""

BY_CLASS = {"L": LIFE_SAFETY, "U": URGENT, "T": TECHNICAL, "I": TECHNICAL, "C": CANARY}
