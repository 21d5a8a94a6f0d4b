"""What becomes of the peripherals of an old hub: moved to the new one, retired with a reason, or left to do. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Device = tuple[str, str, str]
"""Id as its hub names it, kind, and words."""


@dataclass(frozen=True)
class Peripheral:
    """One of the old hub's. `moved`: the new hub has one of its kind for it; `retired`: why it is not moved."""

    device_id: str
    kind: str
    words: str
    moved: bool
    retired: str | None

    @property
    def left(self) -> bool:
        """Say whether somebody has to do something about it still."""
        return not self.moved and self.retired is None


def pairing(old: Sequence[Device], new: Sequence[Device], retired: Mapping[str, str]) -> tuple[Peripheral, ...]:
    """Return each peripheral of the old hub and what became of it.

    Each of the new hub's stands for one of the same kind, the one with the same id first: ids may change when a thing
    is paired anew.
    """
    free = [(device_id, kind) for device_id, kind, _ in new]
    moved = set()
    for device_id, kind, _ in old:
        if (device_id, kind) in free:
            free.remove((device_id, kind))
            moved.add(device_id)
    for device_id, kind, _ in old:
        other = next((one for one in free if one[1] == kind), None) if device_id not in moved else None
        if other is not None:
            free.remove(other)
            moved.add(device_id)
    return tuple(
        Peripheral(device_id, kind, words, moved=device_id in moved, retired=retired.get(device_id))
        for device_id, kind, words in old
    )
