"""The socket of a chat page: it knows frames and who is connected; turns live elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations import admission, answers, frames, services, turns
from chatapp.conversations.admission import Question, Started
from chatapp.conversations.masked import OwnFrames
from chatapp.conversations.models import Message
from chatapp.conversations.stream import StreamAway, redis_errors, turn_stream
from chatapp.database import Together, in_database
from chatapp.documents.filters import EVERYTHING
from chatapp.documents.search import areadable_passages
from chatapp.errors import TYPED_ERRORS, Busy, ChatAppError, NotFound, as_dict
from chatapp.json_body import parse as parse_json
from chatapp.limits.models import Resource
from chatapp.limits.services import atake, give_back, of_question
from chatapp.limits.tokens import Reserved, reserve
from chatapp.safety.questions import require_allowed

log = structlog.get_logger(__name__)

SEND_TIMEOUT_S = 15
SOCKETS_PER_USER = 20
FOLLOWED = 20  # turns on one socket
CHECK_S = 2  # how soon a lost account or session closes the socket
SIGNED_OUT, TOO_MANY, TOO_SLOW, FAILED = 4401, 4429, 4408, 1011

_Counted = frames.Ask | frames.Edit | frames.Regenerate | frames.Continue

_sockets: Counter[UUID] = Counter()
_admitted = Together[Question, Started](admission.ask_all)
_edited, _regenerated = in_database(admission.edit), in_database(admission.regenerate)
_continued = in_database(admission.continue_answer)
_person_of_session = Together[str | None, User | None](access.people_of_sessions)


class ChatConsumer(AsyncWebsocketConsumer):
    group = ""  # '' before and after it counts as one of the person's sockets
    joined = ""
    watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.following: dict[UUID, asyncio.Task[None]] = {}
        self.sending = asyncio.Lock()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            if self.joined:
                with suppress(OSError, *redis_errors()):
                    await self.channel_layer.group_discard(self.joined, self.channel_name)

    async def connect(self) -> None:
        self.user: User = self.scope["user"]
        await self.accept()
        if not self.user.is_authenticated:
            return await self.close(SIGNED_OUT)
        await self._admit()

    @property
    def whose(self) -> UUID:
        """Whom it is counted for."""
        return self.user.pk

    async def _admit(self) -> None:
        if _sockets[self.whose] >= SOCKETS_PER_USER:
            return await self.close(TOO_MANY)
        _sockets[self.whose] += 1
        self.group = f"user-{self.user.pk}"
        try:
            await self._greet()
        except Exception:
            log.exception("socket.failed")
            self._leave()
            await self.close(FAILED)

    async def _greet(self) -> None:
        self.joined = self.group
        await self.channel_layer.group_add(self.group, self.channel_name)
        self.watch = asyncio.create_task(self._watch())
        running = await in_database(answers.running)(self.user)
        await self.put({"type": "hello", "protocol": frames.PROTOCOL, "running": running})

    def _leave(self) -> None:
        """Once, however the socket ends."""
        counted, self.group = bool(self.group), ""
        if counted:
            _sockets[self.whose] -= 1
            if _sockets[self.whose] <= 0:
                del _sockets[self.whose]
        for task in [self.watch, *self.following.values()]:
            if task is not None and task is not asyncio.current_task():
                task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self.group:
            return
        about: dict[str, Any] = {}
        try:
            frame = frames.parse(text_data)
            about = {name: str(getattr(frame, name)) for name in ("id", "turn") if hasattr(frame, name)}
            await self._require_session()
            await self._handle(frame)
        except TYPED_ERRORS as error:
            await self.put({"type": "error", **(about or _echoed(text_data)), **as_dict(error)})
        except Exception:
            log.exception("socket.failed")
            await self.put({"type": "error", **about, **as_dict(ChatAppError())})

    async def _handle(self, frame: frames.ClientFrame) -> None:
        match frame:
            case frames.Ping():
                await self.put({"type": "pong"})
            case frames.Ask() | frames.Edit() | frames.Regenerate() | frames.Continue():
                await self._accept(frame, await self._asked(frame))
            case frames.Stop():
                turn = await in_database(access.get_turn)(self.user, frame.turn)
                await in_database(services.request_stop)(turn=turn)
                turns.stop(frame.turn)
            case frames.Resume():
                await self._resume(frame.turn, frame.after)

    async def _asked(self, frame: _Counted) -> Started:
        """What is refused takes of no limit but that of requests."""
        await atake(of_question(self.user))  # before anything is judged, which costs more than to ask
        try:
            return await self._begun(frame)
        except BaseException:  # a socket that went away cancels what it asked for, which is not counted either
            await give_back(self.user, Resource.QUESTIONS, 1)
            raise

    async def _begun(self, frame: _Counted) -> Started:
        match frame:
            case frames.Ask():
                await require_allowed(self.user, frame.text, _narrowed(frame)[0], frame.conversation)
                asked = (self.user, frame.text, frame.conversation, frame.parent, *_narrowed(frame))
                question = Question(*asked, temporary=frame.temporary)
                return await self._launched(lambda: _admitted(question))
            case frames.Edit(message=message, text=text):
                narrowed = _narrowed_anew(frame)
                home = (await in_database(access.get_message)(self.user, message)).conversation_id
                await require_allowed(self.user, text, narrowed and narrowed[0], home)
                return await self._launched(
                    lambda: _edited(user=self.user, message=message, text=text, narrowed=narrowed)
                )
            case frames.Regenerate(message=message, engine=engine):
                narrowed = _narrowed_anew(frame)
                return await self._launched(
                    lambda: _regenerated(user=self.user, message=message, narrowed=narrowed, prefers=engine)
                )
            case frames.Continue(message=message):
                return await self._launched(lambda: _continued(user=self.user, message=message))

    async def _launched(self, admit: Callable[[], Awaitable[Started]]) -> Started:
        reserved = await reserve(self.user)
        try:
            started = await admit()
            await self._launch(started, reserved)
        except BaseException:
            await reserved.settle(self.user, 0)
            raise
        return started

    async def _launch(self, started: Started, reserved: Reserved) -> None:
        try:
            await turns.launch(started, reserved=reserved)
        except Busy as error:
            await in_database(services.refuse_turn)(started=started, error=as_dict(error))
            raise

    async def _accept(self, frame: _Counted, started: Started) -> None:
        accepted = {
            "type": "accepted",
            "id": frame.id,
            "turn": str(started.turn),
            "conversation": str(started.conversation),
            "title": started.title,
            "question": str(started.question),
            "answer": str(started.answer),
            "temporary": started.temporary,
        }
        await self.put(accepted | await self._as_kept(frame, started))
        self._follow(started.turn, 0)
        await self._tell_others({"type": "turn.accepted", "frame": accepted, "by": self.channel_name})

    async def _as_kept(self, frame: _Counted, started: Started) -> dict[str, Any]:
        """The question as its writer will find it later, where rules changed it; others read it for themselves."""
        if not isinstance(frame, frames.Ask | frames.Edit) or started.text == frame.text:
            return {}
        try:
            own = await OwnFrames(self.user, started.turn).put_back({"type": "text", "text": started.text})
        except (*TYPED_ERRORS, DatabaseError) as error:  # the turn has begun: it is not to be told as refused
            log.warning("socket.question_not_read", turn=str(started.turn), error=str(error)[:200])
            return {}
        return {"text": own["text"]}

    async def _tell_others(self, event: dict[str, Any]) -> None:
        if not settings.REDIS_URL and _sockets[self.user.pk] < 2:
            return  # there is no other process, and here no other socket
        try:
            await self.channel_layer.group_send(self.group, event)
        except redis_errors() as error:  # they hear of it when they connect again
            log.warning("socket.others_not_told", error=str(error)[:200])

    async def turn_accepted(self, event: dict[str, Any]) -> None:
        """Another tab or device of the same person asked something: this one may follow."""
        if event["by"] != self.channel_name:
            await self.put(event["frame"])

    async def _resume(self, turn: UUID, after: int) -> None:
        row = await in_database(access.get_turn)(self.user, turn)
        try:
            held = await turn_stream().holds(turn, after)
        except StreamAway:
            held = row.running
        if held:
            return self._follow(turn, after)
        await self._snapshot(turn, row.answer)

    async def _snapshot(self, turn: UUID, answer: Message) -> None:
        (message,) = await in_database(answers.messages)(self.user, [answer])
        await self.put({"type": "snapshot", "turn": str(turn), "message": message})

    def _follow(self, turn: UUID, after: int) -> None:
        if task := self.following.pop(turn, None):
            task.cancel()
        if len(self.following) >= FOLLOWED:
            raise Busy("This page follows too many answers at once.", advice="Open another tab.")
        self.following[turn] = asyncio.create_task(self._pump(turn, after))

    async def _pump(self, turn: UUID, after: int) -> None:
        silent, last, kind = 0, after, ""
        own = OwnFrames(self.user, turn)
        try:
            async for frame in turn_stream().read(turn, after):
                if frame is not None:
                    await self.put(await own.put_back(await self._readable(frame)))
                    silent, last, kind = 0, frame["seq"], frame["type"]
                    continue
                try:
                    row = await in_database(access.get_turn)(self.user, turn)
                except DatabaseError:  # away for a moment: asked again at the next silence
                    continue
                silent = 0 if row.running else silent + 1
                if silent == 2:  # its process died; once would be too soon, for the last frames follow the row
                    return await self._snapshot(turn, row.answer)
            if kind != "done":
                await in_database(access.get_turn)(self.user, turn)
        except NotFound:  # deleted meanwhile, its frames as well: nobody waits for its end
            await self.put(_gone(turn, last + 1))
        finally:
            if self.following.get(turn) is asyncio.current_task():
                del self.following[turn]

    async def _readable(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Passages are checked again whenever they are shown: a frame may be old, and it may not be known now."""
        kind = frame["type"]
        if kind not in ("sources", "citations") or not frame[kind]:
            return frame
        try:
            readable = await areadable_passages((self.user, {one["passage"] for one in frame[kind]}))
        except DatabaseError as error:
            log.warning("socket.passages_not_checked", error=" ".join(str(error).split())[:200])
            readable = {}
        return frame | {kind: answers.readable_parts(frame[kind], readable)}

    async def put(self, frame: dict[str, Any]) -> None:
        """A client that does not read is let go; its turn goes on and can be resumed."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S), self.sending:
                await self.send(json.dumps(frame, ensure_ascii=False))
        except TimeoutError:
            self._leave()
            with suppress(TimeoutError, OSError):
                await asyncio.wait_for(self.close(TOO_SLOW), 1)
        except OSError:
            return  # the client has gone; `disconnect` follows

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                await self._require_session()
            except DatabaseError as error:  # away for a moment: asked again
                log.warning("socket.session_not_checked", error=" ".join(str(error).split())[:200])
            except NotFound as lost:
                for task in self.following.values():
                    task.cancel()
                return await self.close(getattr(lost, "close_code", SIGNED_OUT))

    async def _require_session(self) -> None:
        """Also reads anew what the person may do: a role may have been taken away."""
        found = await _person_of_session(self.scope["session"].session_key)
        if found is None or found.pk != self.user.pk:
            raise NotFound("You are signed out.", advice="Sign in again.")
        self.user = found


def _gone(turn: UUID, seq: int) -> dict[str, Any]:
    """The last frame of a turn that has none any more."""
    told = {"status": str(Message.Status.INTERRUPTED), "engine": "", "usage": {}, "timings": {}, "title": ""}
    return {"type": "done", "turn": str(turn), "seq": seq, **told}


def _narrowed(frame: frames.Ask | frames.Edit | frames.Regenerate) -> admission.Narrowed:
    chosen = None if frame.collections is None else frozenset(frame.collections)
    return chosen, frame.filters or EVERYTHING


def _narrowed_anew(frame: frames.Edit | frames.Regenerate) -> admission.Narrowed | None:
    """None: as the question was before."""
    return None if frame.collections is None and frame.filters is None else _narrowed(frame)


def _echoed(text: str | None) -> dict[str, Any]:
    """The `id` of a frame that was refused, so that its sender knows which one."""
    try:
        body = parse_json(text or "")
    except ValueError:
        return {}
    given = body.get("id") if isinstance(body, dict) else None
    return {"id": given} if frames.is_request_id(given) else {}
