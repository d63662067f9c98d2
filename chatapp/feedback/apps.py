from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "chatapp.feedback"

    def ready(self) -> None:
        from chatapp.feedback import services
        from inference import outcomes

        outcomes.ask_for_ratings(services.of_turns)
