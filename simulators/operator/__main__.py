"""`python -m simulators.operator`: simulated operators as a process of their own, as the demo starts them."""

import argparse
import sys
from pathlib import Path

from simulators.main import run_operators
from simulators.operator.run import OperatorOptions


def main() -> int:
    """Read the arguments and run; the exit code is 0, or 2 for a file that cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.operator", description="Simulated operators who handle alarms over the HTTP API."
    )
    parser.add_argument("--url", required=True, help="the service, such as http://127.0.0.1:8080")
    parser.add_argument("--tokens", type=Path, required=True, help='a file {"tokens": [...]}, one operator each')
    parser.add_argument("--patience-s", type=float, default=OperatorOptions.patience_s)
    parser.add_argument("--pace", type=float, default=OperatorOptions.pace, help="2 is twice as fast")
    parser.add_argument("--seed", type=int, default=OperatorOptions.seed)
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input ends")
    asked = parser.parse_args()
    return run_operators(
        asked.url, asked.tokens, OperatorOptions(asked.patience_s, asked.pace, asked.seed, asked.parent_pipe)
    )


if __name__ == "__main__":
    sys.exit(main())
