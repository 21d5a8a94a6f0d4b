"""`python -m simulators.fleet`: a fleet as a process of its own, as the demo and the crash tests start it."""

import argparse
import os
import sys
from pathlib import Path

from simulators.fleet.run import PROFILE_NAMES, FleetOptions
from simulators.main import run_fleet

PASSWORD_VARIABLE = "SIMULATOR_GATEWAY_PASSWORD"  # noqa: S105 - the name of a variable, not a password


def main() -> int:
    """Read the arguments, run, return the exit code: 0 fine, 1 not every event was acked, 2 it could not begin."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.fleet",
        description="Simulated telecare hubs, each with its own MQTT connection.",
        epilog="Example: python -m simulators.fleet --file fleet.json --mqtt mqtt://127.0.0.1:1883 --profile demo",
    )
    parser.add_argument("--file", type=Path, required=True, help="the fleet file (JSON, see simulators.fleet.roster)")
    parser.add_argument("--mqtt", required=True, help="mqtt://host:port or mqtts://host:port")
    parser.add_argument("--ca-file", help="whom to trust for mqtts, a PEM file")
    parser.add_argument("--profile", choices=PROFILE_NAMES, default="demo")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same happenings")
    parser.add_argument("--ledger", type=Path, help="append what happened to this JSON-lines file")
    parser.add_argument("--duration", type=float, help="seconds; without it the fleet runs until it is stopped")
    parser.add_argument("--grace", type=float, default=60.0, help="seconds to wait for the last acks after that")
    parser.add_argument("--alarms-per-minute", type=float, help="for the whole fleet")
    parser.add_argument("--faults-per-minute", type=float, help="link flaps, reboots, lost clocks, unreadable payloads")
    parser.add_argument("--max-outage-s", type=float, help="the longest time that a hub stays cut off")
    parser.add_argument("--pre-alarm-s", type=float, help="how long a user may cancel before anything is sent")
    parser.add_argument("--retry-s", type=float, help="the time between repeats until the ack")
    parser.add_argument("--rate", type=float, help="heartbeats a second, all hubs together")
    parser.add_argument("--gateway-user", help="profile heartbeat: one account that publishes for all hubs")
    parser.add_argument("--gateway-password", default=os.environ.get(PASSWORD_VARIABLE), help=f"or {PASSWORD_VARIABLE}")
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input ends")
    parser.add_argument("--progress-s", type=float, default=5.0, help="seconds between lines of progress, 0 for none")
    asked = parser.parse_args()
    options = FleetOptions(
        profile=asked.profile,
        seed=asked.seed,
        ledger=asked.ledger,
        duration_s=asked.duration,
        grace_s=asked.grace,
        alarms_per_minute=asked.alarms_per_minute,
        faults_per_minute=asked.faults_per_minute,
        max_outage_s=asked.max_outage_s,
        pre_alarm_s=asked.pre_alarm_s,
        retry_s=asked.retry_s,
        rate=asked.rate,
        gateway_user=asked.gateway_user,
        gateway_password=asked.gateway_password,
        parent_pipe=asked.parent_pipe,
        progress_s=asked.progress_s,
    )
    return run_fleet(asked.file, asked.mqtt, options, ca_file=asked.ca_file)


if __name__ == "__main__":
    sys.exit(main())
