from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ThroughputConfig(AppConfig):
    name = "retrieval.throughput"
    label = "throughput"
    verbose_name = _("Throughput of ingestion")
