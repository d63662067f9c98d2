from django.apps import AppConfig


class EvaluationPagesConfig(AppConfig):
    name = "chatapp.evaluation"
    label = "evaluation_pages"
    verbose_name = "Retrieval quality, its pages"
