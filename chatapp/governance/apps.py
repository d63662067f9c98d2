from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GovernanceConfig(AppConfig):
    name = "chatapp.governance"
    verbose_name = _("Audit trail")

    def ready(self) -> None:
        from chatapp.governance import services, signals
        from inference import seams

        seams.journal.connect(services.record)
        signals.connect()
