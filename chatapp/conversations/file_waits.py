"""A question that is asked while a file of its conversation is on its way waits for it, and says so: for a while, then
it is answered without."""

from __future__ import annotations

import asyncio
import time

from django.conf import settings

from chatapp.attachments.reading import Files, files_of
from chatapp.conversations.running import RunningTurn

_LOOK_S = 0.5
WITHOUT = "A file of this chat was still being read, so that this answer does without it. Ask again in a moment."


async def files_as_they_are(turn: RunningTurn) -> Files:
    """Of an answer that goes on with the passages that it has: what is still being read cannot come to it."""
    return await files_of((turn.started.asker, turn.started.conversation))


async def files_that_are_read(turn: RunningTurn) -> Files:
    """Those of the turn's conversation. Bounded by settings.ATTACHMENT_WAIT_S; stopping the turn ends it at once."""
    asked = (turn.started.asker, turn.started.conversation)
    until = time.monotonic() + settings.ATTACHMENT_WAIT_S
    files, told = await files_of(asked), False
    while files.unread and time.monotonic() < until:
        if not told:
            await turn.stage("files")
            told = True
        await asyncio.sleep(_LOOK_S)
        files = await files_of(asked)
    if files.unread:
        turn.note = WITHOUT
    if told:
        turn.mark("files")
        await turn.stage("searching")
    return files
