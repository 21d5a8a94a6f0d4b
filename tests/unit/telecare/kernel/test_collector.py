"""While modules are loaded nothing is looked through, and afterwards all is as it was."""

import gc

import pytest

from telecare.kernel.collector import loading


def _fail_to_load() -> None:
    with loading():
        assert not gc.isenabled()
        raise ImportError


@pytest.mark.parametrize("looks", [True, False])
def test_nothing_is_looked_through_while_it_loads_and_then_it_is_as_before(*, looks: bool) -> None:
    if not looks:
        gc.disable()
    try:
        with pytest.raises(ImportError):
            _fail_to_load()
        assert gc.isenabled() is looks
    finally:
        gc.enable()
