from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvaluationPagesConfig(AppConfig):
    name = "chatapp.evaluation"
    label = "evaluation_pages"
    verbose_name = _("Retrieval quality, its pages")
