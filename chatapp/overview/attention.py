"""What an administrator should look at now: each with where it is mended. Nothing where all is well."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from chatapp.accounts.models import User
from chatapp.feedback.curating import open_count
from chatapp.languages.said import said
from chatapp.limits import standing
from chatapp.limits.models import Budget
from chatapp.operations import health, state
from chatapp.safety.documents import QUARANTINED
from inference.engines import local
from inference.models import ModelVersion, Rollout
from retrieval.pipeline import dead_letters
from retrieval.sources.models import Source

MOST = 1000  # that are counted, and of budgets: that are looked at
_NO_MODEL = {health.NO_MODEL, local.NO_MODEL}  # what parts say of it: `_models` tells it once


@dataclass(frozen=True, slots=True)
class Matter:
    """`urgent`: something does not work; else something waits, or is under way."""

    text: str
    address: str
    urgent: bool = False


def stored(user: User) -> list[Matter]:
    """What the database tells: no part is asked."""
    found = [_budgets(), _failed(), _quarantined(), _sources(), _feedback(user), _models(), _rollouts()]
    return sorted((one for one in found if one is not None), key=lambda one: not one.urgent)


def everything(user: User) -> list[Matter]:
    """With the parts, each of which is asked: in at most some eleven seconds."""
    page = reverse("admin:operations_minute_changelist")
    told = _NO_MODEL if _models() else set()
    parts = [
        Matter(f"{said(one.name)}: {said(one.reason)}", page, urgent=True)
        for one in state.everything()
        if one.state != "ok" and one.reason not in told
    ]
    return [*parts, *stored(user)]


def _budgets() -> Matter | None:
    there = standing.standings(list(Budget.objects.order_by("pk")[:MOST]))
    spent, near = (sum(one.state == look for one in there) for look in ("failed", "held"))
    soon = sum(one.state == "ready" and one.runs_out is not None for one in there)
    page = reverse("admin:limits_budget_changelist")
    if spent:
        told = ngettext("%(count)s budget is used up.", "%(count)s budgets are used up.", spent)
        return Matter(told % {"count": spent}, page, urgent=True)
    if near:
        told = ngettext("%(count)s budget is nearly used up.", "%(count)s budgets are nearly used up.", near)
        return Matter(told % {"count": near}, page)
    told = ngettext(
        "%(count)s budget does not last to the month's end at this pace.",
        "%(count)s budgets do not last to the month's end at this pace.",
        soon,
    )
    return Matter(told % {"count": soon}, page) if soon else None


def _failed() -> Matter | None:
    failed = dead_letters.failed().exclude(error_code=QUARANTINED)[:MOST].count()
    told = ngettext("%(count)s document failed.", "%(count)s documents failed.", failed)
    page = f"{reverse('admin:retrieval_document_changelist')}?status__exact=failed"
    return Matter(told % {"count": failed}, page) if failed else None


def _quarantined() -> Matter | None:
    waiting = dead_letters.failed(code=QUARANTINED)[:MOST].count()
    told = ngettext("%(count)s document waits in quarantine.", "%(count)s documents wait in quarantine.", waiting)
    return (
        Matter(told % {"count": waiting}, reverse("admin:safety_quarantineddocument_changelist")) if waiting else None
    )


def _sources() -> Matter | None:
    failing = Source.objects.filter(outcome=Source.Outcome.FAILED)[:MOST].count()
    told = ngettext("%(count)s source could not be read.", "%(count)s sources could not be read.", failing)
    return Matter(told % {"count": failing}, reverse("admin:sources_source_changelist")) if failing else None


def _feedback(user: User) -> Matter | None:
    waiting = open_count(user)
    told = ngettext(
        "%(count)s answer was sent back and is open.", "%(count)s answers were sent back and are open.", waiting
    )
    return Matter(told % {"count": waiting}, reverse("feedback")) if waiting else None


def _models() -> Matter | None:
    """Without one, quotations answer: which is fine, and worth knowing."""
    if ModelVersion.objects.filter(state=ModelVersion.State.READY).exists() or _of_settings():
        return None
    told = gettext("There is no model yet: quotations from the documents answer.")
    return Matter(told, reverse("admin:welcome_setup_changelist"))


def _of_settings() -> bool:
    return bool(settings.INFERENCE.api_base_url)


def _rollouts() -> Matter | None:
    running = Rollout.objects.filter(state=Rollout.State.RUNNING).count()
    told = ngettext("%(count)s roll-out is running.", "%(count)s roll-outs are running.", running)
    return Matter(told % {"count": running}, reverse("admin:inference_rollout_changelist")) if running else None
