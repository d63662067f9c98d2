"""The queue in front of the slots: bounded, and fair between users rather than between requests."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator

from inference.batching.contract import Request
from inference.errors import EngineBusy


class FairQueue:
    """Users take turns; one user's requests keep their order. Not thread-safe."""

    def __init__(self, *, most: int, most_of_one_user: int) -> None:
        self._most, self._most_of_one = most, most_of_one_user
        self._of: OrderedDict[str, deque[Request]] = OrderedDict()  # who is first here is next
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, request: Request, *, retry_after_s: float) -> None:
        """Raises EngineBusy."""
        own = self._of.get(request.user)
        if self._count >= self._most:
            raise EngineBusy(retry_after_s=retry_after_s)
        if own is not None and len(own) >= self._most_of_one:
            raise EngineBusy("You have too many questions waiting.", retry_after_s=retry_after_s)
        self._of.setdefault(request.user, deque()).append(request)
        self._count += 1

    def pop(self) -> Request:
        user, own = next(iter(self._of.items()))
        request = own.popleft()
        self._count -= 1
        if own:
            self._of.move_to_end(user)
        else:
            del self._of[user]
        return request

    def remove(self, request: Request) -> bool:
        own = self._of.get(request.user)
        if own is None or request not in own:
            return False
        own.remove(request)
        self._count -= 1
        if not own:
            del self._of[request.user]
        return True

    def in_order(self) -> Iterator[Request]:
        """As they will be served, if nobody else comes."""
        rounds = [list(own) for own in self._of.values()]
        for turn in range(max(map(len, rounds), default=0)):
            yield from (own[turn] for own in rounds if turn < len(own))
