"""The embedding stage: an embedding line over all that is owed, and who is at fault when one breaks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from retrieval.pipeline import giving_back, leases
from retrieval.pipeline.claims import Claimed
from retrieval.pipeline.embedding_line import EmbeddingLine, Take
from retrieval.pipeline.stops import Stop, WorkerStops
from retrieval.service.client import IndexClient
from retrieval.versions.current import serving


@dataclass(frozen=True, slots=True)
class Outcome:
    documents: int  # that were taken
    fault: giving_back.Fault | None = None
    in_hand: int = 0  # when it broke


def embed(take: Take, stop: Stop, until: float) -> Outcome:
    """Until `take` finds nothing, or it is `until` (monotonic). The outermost loop of this work: whatever happens,
    what is not done is given back.
    """
    holding, started = leases.Holding(), time.monotonic()
    client = IndexClient(settings.RETRIEVAL)
    line = EmbeddingLine(client, take, holding, stop)
    try:
        with holding.kept():
            line.run(serving().embedding_model, until)
    except WorkerStops:
        giving_back.at_the_end(holding.leases(), time.monotonic() - started)
        raise
    except Exception as error:  # noqa: BLE001 - the outermost loop
        held = holding.leases()
        return Outcome(line.claimed, giving_back.after(error, held, "embed"), len(held))
    finally:
        client.close()
    giving_back.at_the_turn(holding.leases())
    return Outcome(line.claimed)


class OneByOne:
    """Takes a single document of what another one would take."""

    def __init__(self, take: Take) -> None:
        self._take, self._taken = take, False

    def __call__(self, _: int, token: UUID) -> list[Claimed]:
        if self._taken:
            return []
        self._taken = True
        return self._take(1, token)
