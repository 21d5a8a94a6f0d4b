"""`telecare bench`."""

import typer

app = typer.Typer(no_args_is_help=True, help="Measured figures, as ratios within one run.")
