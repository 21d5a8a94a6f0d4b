"""Answers in a few words, and the short codes that say which alarm they are about. Pure.

A text such as `198`, `ack 198`, `no 198` or `close 1`; `aa` behind a code answers for every alarm that this number was
asked about (S21, S22, S40).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

HIGHEST_CODE = 999
CODE_RESTS = timedelta(hours=24)
"""A code is given to the same number anew only so long after: a late reply must not reach another alarm (R42)."""

LINK_OUTLIVES = timedelta(hours=12)
"""So long after its alarm has ended a link still says how it ended; after that it says nothing."""


class Answer(StrEnum):
    """What somebody who was asked can say."""

    ACCEPT = "accept"
    DECLINE = "decline"
    ON_THE_WAY = "on_the_way"
    THERE = "there"
    DONE = "done"
    CLOSE = "close"


_WORDS: dict[str, Answer] = {
    **dict.fromkeys(("", "a", "ack", "accept", "yes", "y", "ok", "take", "go", "1"), Answer.ACCEPT),
    **dict.fromkeys(("n", "no", "decline", "cannot", "cant", "can't"), Answer.DECLINE),
    **dict.fromkeys(("w", "way", "otw", "coming", "on the way"), Answer.ON_THE_WAY),
    **dict.fromkeys(("h", "here", "there", "arrived"), Answer.THERE),
    **dict.fromkeys(("d", "done", "finished"), Answer.DONE),
    **dict.fromkeys(("c", "close"), Answer.CLOSE),
}
_REPLY = re.compile(r"([a-z' ]*?)\s*#?\s*(\d{1,3})\s*(aa)?\s*[.!]*", re.IGNORECASE)
_BARE = re.compile(r"([a-z' ]+?)\s*[.!]*", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """A text that was understood. `code` is None where none was written: then it is about the only one there is."""

    answer: Answer
    code: int | None
    everything: bool = False


def read_reply(text: str) -> Reply | None:
    """Return what a text says; None when it says nothing that we know."""
    words = " ".join(text.split())
    if match := _REPLY.fullmatch(words):
        answer = _WORDS.get(match[1].lower().strip())
        code = int(match[2])
        return Reply(answer, code, everything=match[3] is not None) if answer and code else None
    if match := _BARE.fullmatch(words):
        answer = _WORDS.get(match[1].lower().strip())
        return Reply(answer, None) if answer else None
    return None


def free_code(taken: Collection[int]) -> int | None:
    """Return the smallest code that is free; None when all are taken: then the link must do."""
    return next((code for code in range(1, HIGHEST_CODE + 1) if code not in taken), None)
