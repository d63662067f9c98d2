"""The doors that Celery knocks at. A message says that a stage has work; the rows in Postgres say which.

A stage is worked on by those who found a seat in it (`retrieval.pipeline.seats`), until nothing is left or their time
is up; every further message ends at once. So no message waits behind long work, and none has to arrive: the sweep
sends another one as long as something is owed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import structlog
from celery import shared_task

from retrieval import changes, files
from retrieval.messages import send
from retrieval.models import Document
from retrieval.parsing import scratch
from retrieval.pipeline import claims, leases
from retrieval.pipeline.claims import EmbeddingTurns
from retrieval.pipeline.embed_stage import OneByOne, embed
from retrieval.pipeline.parse_stage import parse_next
from retrieval.pipeline.seats import Stage, seat, seats_of
from retrieval.pipeline.stops import Stop, stops_once
from retrieval.throughput import counting
from retrieval.throughput.counting import tally

log = structlog.get_logger(__name__)

TURN_S = 120.0  # then the process ends its task, far below CELERY_TASK_TIME_LIMIT, and a message brings the next
LINGERS_S = 0.6  # after the last document: longer than WAKES_EVERY_S, so that what sent no message is found
LOOKS_EVERY_S = 0.1
PAUSES_S = (1.0, 10.0)  # before embedding is tried again when it is not the documents' fault: the first, and the most
WAKES_EVERY_S = 0.25  # of a process that receives many documents
KEEPS_PARSER_S = 10.0  # of 70 MB: the next file is likely to come to another process of the pool
SMALL_FILE = 1_000_000  # bytes: the last seat of parsing takes no larger ones, so that these never hold up all
GAVE_UP = "Working on this file failed several times. Try again; if it keeps failing, tell your administrator."
_STATUS = Document.Status
_woken: dict[Stage, float] = {}  # when this process last sent a message


# Messages are acknowledged before the work: the row and the sweeper bring back what a dead worker held, on every
# broker alike, while a broker that sends again on its own would only make claims that fail.
@shared_task(acks_late=False)
def parse_owed() -> None:
    """received -> parsing -> embedding | failed, document by document"""
    _work("parse", _parse_until)


@shared_task(acks_late=False)
def embed_owed() -> None:
    """embedding -> ready | failed, batches across documents"""
    _work("embed", _embed_until)


@shared_task(acks_late=False)
def sweep() -> None:
    """Send word of what is owed: messages may be lost, and workers die. Then tidy up."""
    if gave_up := leases.give_up_on_exhausted(GAVE_UP):
        log.warning("document.gave_up", documents=gave_up)
    if claims.is_owed(_STATUS.RECEIVED, _STATUS.PARSING):
        wake("parse", at_once=True)
    if claims.is_owed(_STATUS.EMBEDDING):
        wake("embed", at_once=True)
    files.remove_leftovers()
    scratch.remove_leftovers()
    changes.forget_old()
    counting.forget_old()


@shared_task(acks_late=False)
def tidy_files() -> None:
    """Stored files that no document names."""
    if removed := files.remove_unnamed():
        log.info("files.unnamed_removed", files=removed)


def wake(stage: Stage, *, at_once: bool = False) -> None:
    """Send word that the stage has work, now and then; if the broker is away, the sweep does it later."""
    now = time.monotonic()
    if not at_once and now - _woken.get(stage, -WAKES_EVERY_S) < WAKES_EVERY_S:
        return
    _woken[stage] = now
    send(parse_owed if stage == "parse" else embed_owed)


# -- taking turns ------------------------------------------------------------------------------------------------------
def _work(stage: Stage, until: Callable[[float, Stop, int], bool]) -> None:
    """What was owed when the last look was taken may have come a moment before the seat was free: look once more."""
    left = True
    while left:
        with seat(stage) as place:
            if not place:
                return
            size = SMALL_FILE if stage == "parse" and place == seats_of("parse") else claims.ANY_SIZE
            with stops_once() as stop:
                done = until(time.monotonic() + TURN_S, stop, size)
            tally.write(at_once=True)
        if stage == "parse":
            from retrieval.parsing import (
                sandbox,
            )  # and what reads files, which a process that sends messages is without

            sandbox.close_idle(KEEPS_PARSER_S if done else 0.0)
        if not done:
            wake(stage, at_once=True)  # another task goes on: this one's time is up
            return
        statuses = (_STATUS.RECEIVED, _STATUS.PARSING) if stage == "parse" else (_STATUS.EMBEDDING,)
        left = claims.is_owed(*statuses, size=size)


def _parse_until(until: float, stop: Stop, size: int) -> bool:
    """-> whether nothing is left"""
    idle_since = time.monotonic()
    while (now := time.monotonic()) < until:
        if parse_next(partial(claims.next_to_parse, size), stop):
            wake("embed")
            tally.write()
            idle_since = time.monotonic()
        elif now - idle_since > LINGERS_S:
            return True
        else:
            time.sleep(LOOKS_EVERY_S)
    return False


def _embed_until(until: float, stop: Stop, _: int) -> bool:
    """-> whether nothing is left

    When a batch of several documents fails, they are tried one by one, to learn which of them it was. While the index
    service is away, what was tried rests (`giving_back`) and the pause before the next grows, so that many documents
    do not make it try without end. When all of them rest, the seat is left, and the sweep sends word again.
    """
    turns = EmbeddingTurns()
    idle_since, suspects, pause_s = time.monotonic(), 0, PAUSES_S[0]
    while (now := time.monotonic()) < until:
        if not claims.is_owed(_STATUS.EMBEDDING):
            if now - idle_since > LINGERS_S:
                return True
            time.sleep(LOOKS_EVERY_S)
            continue
        outcome = embed(OneByOne(turns.take) if suspects else turns.take, stop, until)
        if outcome.fault == "ours":
            time.sleep(max(0.0, min(pause_s, until - time.monotonic())))
            pause_s = min(2 * pause_s, PAUSES_S[1])
            continue
        pause_s = PAUSES_S[0]
        suspects = outcome.in_hand if outcome.fault == "unknown" else max(0, suspects - 1)
        idle_since = time.monotonic()
    return False
