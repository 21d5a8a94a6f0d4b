"""Homes and their hubs while a scenario runs on a real database: the register, presence, and who watches over them."""

from tests.scenarios.stage import Stage


class AtHomes(Stage):
    """Nothing yet."""
