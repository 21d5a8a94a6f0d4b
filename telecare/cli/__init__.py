"""The command line: `telecare`. Each `--help` has an example; exit codes: 0 done, 1 it failed, 2 wrong use."""

from telecare.kernel.collector import loading

with loading():
    from telecare.cli.main import main

__all__ = ["main"]
