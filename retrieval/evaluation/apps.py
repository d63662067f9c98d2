from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from retrieval.versions.gate import Verdict


class EvaluationConfig(AppConfig):
    name = "retrieval.evaluation"
    label = "evaluation"
    verbose_name = _("Retrieval quality")

    def ready(self) -> None:
        from retrieval.versions import gate

        gate.install(_judge)


def _judge(question_set: str, version: int, baseline: int) -> Verdict:
    """Imported when it is asked: most processes never do."""
    from retrieval.evaluation import gating

    return gating.judge(question_set, version, baseline)
