"""A process that ends with whoever started it, and by itself too."""

import subprocess
import sys

import pytest

CHILD = """
import asyncio, sys
from telecare.kernel.parent import stop_with_parent

async def main():
    stop = asyncio.Event()
    stop_with_parent(stop)
    print("ready", flush=True)
    if sys.argv[1] == "waits":
        await stop.wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("child", ["waits", "ends by itself"])
def test_it_ends_without_a_complaint(child: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    if child == "waits":
        _, complaint = process.communicate(timeout=30)  # closes its standard input, as our death would
    else:
        process.wait(30)  # with its standard input still open
        _, complaint = process.communicate()
    assert (process.returncode, complaint) == (0, b"")
