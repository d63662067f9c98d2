from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "chatapp.feedback"

    def ready(self) -> None:
        from chatapp.feedback import services
        from inference import seams

        seams.ratings.connect(services.of_turns)
