"""A question that is asked while a file of its conversation is on its way waits for it, and says so: for a while, then
it is answered without."""

from __future__ import annotations

import asyncio
import time

from django.conf import settings

from chatapp.attachments.reading import Files, files_of, unread_files_of
from chatapp.conversations.running import RunningTurn
from chatapp.database import in_database

_LOOK_S = 0.5
WITHOUT = "A file of this chat was still being read, so that this answer does without it. Ask again in a moment."


async def files_as_they_are(turn: RunningTurn) -> Files:
    """Of an answer that goes on with the passages that it has: what is still being read cannot come to it."""
    return await _files_of(turn)


async def files_that_are_read(turn: RunningTurn) -> Files:
    """Those of the turn's conversation. Bounded by settings.ATTACHMENT_WAIT_S; stopping the turn ends it at once."""
    until = time.monotonic() + settings.ATTACHMENT_WAIT_S
    files, told = await _files_of(turn), False
    while files.unread and time.monotonic() < until:
        if not told:
            await turn.stage("files")
            told = True
        await asyncio.sleep(_LOOK_S)
        files = await _files_of(turn)
    if files.unread:
        turn.note = WITHOUT
    if told:
        turn.mark("files")
        await turn.stage("searching")
    return files


async def _files_of(turn: RunningTurn) -> Files:
    """Who asked decided it, also where another process went on: that one knows the person, and not their key."""
    if not turn.started.reads_files:
        return await in_database(unread_files_of)(turn.started.conversation)
    return await files_of((turn.started.asker, turn.started.conversation))
