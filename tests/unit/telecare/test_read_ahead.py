"""What is read ahead of the MQTT library: given out whole and in order, and no room taken for what has not come."""

import socket
import tracemalloc
from collections.abc import Iterator

import pytest

from telecare.ingest.read_ahead import AHEAD, ReadAhead


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, ReadAhead]]:
    broker, ours = socket.socketpair()
    ours.setblocking(False)
    with broker, ours:
        yield broker, ReadAhead(ours)


def test_what_has_come_is_given_out_in_the_pieces_that_are_asked_for(ends: tuple[socket.socket, ReadAhead]) -> None:
    broker, ahead = ends
    broker.sendall(b"one")
    assert [ahead.recv(2), ahead.pending(), ahead.recv(9)] == [b"on", 1, b"e"]
    with pytest.raises(BlockingIOError):
        ahead.recv(1)
    broker.sendall(b"two")
    broker.close()
    assert [ahead.recv(9), ahead.recv(9)] == [b"two", b""]


def test_a_read_takes_no_more_memory_than_what_has_come(ends: tuple[socket.socket, ReadAhead]) -> None:
    broker, ahead = ends
    broker.sendall(b"beat")
    tracemalloc.start()
    try:
        assert ahead.recv(4) == b"beat"
        assert tracemalloc.get_traced_memory()[1] < AHEAD / 8
    finally:
        tracemalloc.stop()
