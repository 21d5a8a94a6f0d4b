"""The service hears no heartbeats: a human is told of it, once, and of its end."""

from datetime import timedelta

from alarms.handling.models import Alarm
from telecare.kernel.db import Database
from telecare.protection.deafness import DeafnessWatch
from tests.integration.alarms.world import World
from tests.integration.devices.standing import Fleet


async def only(world: World) -> Alarm:
    (alarm,) = await world.about_us()
    return alarm


async def test_a_human_is_told_once_and_of_its_end_and_again_when_it_comes_back(database: Database) -> None:
    world, fleet, watch = World(database), Fleet(database), DeafnessWatch(database, timedelta())
    for _ in range(3):
        await watch.look()
    alarm = await only(world)
    assert (alarm.type, alarm.class_, alarm.condition) == ("heartbeats_unheard", "U", "active")
    await fleet.hears()
    await watch.look()
    assert (await only(world)).condition == "cleared"
    await fleet.sql("UPDATE listening SET heard_at = now() - interval '1 hour'")
    await watch.look()
    again = await only(world)
    assert (again.id, again.condition, again.events) == (alarm.id, "active", 2)


async def test_what_is_over_before_two_minutes_is_nobodys_alarm(database: Database) -> None:
    watch = DeafnessWatch(database)
    for _ in range(2):
        await watch.look()
    assert await World(database).about_us() == []
