"""Waits until the index service holds the version that a run asks.

A service loads the version of a run that is open (`retrieval.index.shelf`), one version at a time, and drops it when
none is.
"""

from __future__ import annotations

import time

from django.db import connection

from retrieval.errors import IndexUnavailable
from retrieval.evaluation.leases import LEASE_S, RunLease
from retrieval.leasing import LeaseLost, extend
from retrieval.service.client import IndexClient, IndexRefused
from retrieval.versions.held import live_services

_POLL_S = 0.5


class VersionNotLoaded(IndexUnavailable):
    """The sentence says why."""

    code, http_status, retryable = "evaluation_not_loaded", 503, False
    user_message = "The index service cannot load this index version."
    advice = "Mend what the sentence names, and start again."


def wait_for_version(client: IndexClient, lease: RunLease, version: int, until: float) -> None:
    """Raises VersionNotLoaded; LeaseLost when the run was given to somebody else; IndexUnavailable when no service
    runs, or time is up.
    """
    while True:
        try:
            client.search_batch([], version=version)
        except IndexRefused:
            raise
        except IndexUnavailable:
            if not _loads(version) or time.monotonic() > until:
                raise
            if lease.rows.filter(cancel_requested=True).exists():
                return  # the next step ends it
        else:
            return
        if not extend(lease.rows, LEASE_S):
            raise LeaseLost
        connection.close()  # none waits while the index service loads
        time.sleep(_POLL_S)


def _loads(version: int) -> bool:
    """Whether a service runs that may come to hold it. Raises VersionNotLoaded when one says that it cannot."""
    problems = list(live_services().values_list("problem", flat=True))
    named = f"Version {version} cannot be loaded: "
    for problem in problems:
        if named in problem:
            reason = problem.split(named, 1)[1].split("; Version ", 1)[0]
            raise VersionNotLoaded(f"{named}{reason}"[:300])
    return bool(problems)
