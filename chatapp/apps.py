from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class ChatappConfig(AppConfig):
    name = "chatapp"

    def ready(self) -> None:
        from chatapp.languages.names import translate_names
        from chatapp.languages.said import said
        from inference import seams

        translate_names()
        seams.said.connect(said)
        # Kombu's file transport writes into these folders and does not make them.
        for folder in ("data_folder_in", "control_folder"):
            if path := settings.CELERY_BROKER_TRANSPORT_OPTIONS.get(folder):
                Path(str(path)).mkdir(mode=0o700, parents=True, exist_ok=True)
