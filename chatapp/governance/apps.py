from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "chatapp.governance"
    verbose_name = "Audit trail"

    def ready(self) -> None:
        from chatapp.governance import services, signals
        from inference import seams

        seams.journal.connect(services.record)
        signals.connect()
