"""Indexes without a lock. Taken back, it first opens what is sealed. Either way it can be run again."""

from django.db import migrations, models

from chatapp.concurrent_index import concurrent_index
from chatapp.privacy.plain_again import opened

_MARK = ("message_id", "number")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0006_sealed_texts")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                concurrent_index("temporary_chats", "conversations_conversation", "(updated_at) WHERE temporary"),
                concurrent_index("conversations_to_seal", "conversations_conversation", "(id) WHERE NOT sealed"),
                concurrent_index("messages_to_index", "conversations_message", "(id) WHERE NOT indexed"),
            ],
            state_operations=[
                migrations.AddIndex(
                    model_name="conversation",
                    index=models.Index(
                        condition=models.Q(("temporary", True)), fields=["updated_at"], name="temporary_chats"
                    ),
                ),
                migrations.AddIndex(
                    model_name="conversation",
                    index=models.Index(
                        condition=models.Q(("sealed", False)), fields=["id"], name="conversations_to_seal"
                    ),
                ),
                migrations.AddIndex(
                    model_name="message",
                    index=models.Index(condition=models.Q(("indexed", False)), fields=["id"], name="messages_to_index"),
                ),
            ],
        ),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_conversation", "title")),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_message", "text")),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_message", "sources", holds_json=True)),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_citation", "quote", _MARK)),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_citation", "document_name", _MARK)),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_turn", "filters", holds_json=True)),
    ]
