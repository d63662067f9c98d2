"""Indexes without a lock. Taken back, it first opens what is sealed."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from chatapp.privacy.plain_again import opened

_MARK = ("message_id", "number")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0006_sealed_texts")]

    operations = [
        AddIndexConcurrently(
            model_name="conversation",
            index=models.Index(condition=models.Q(("temporary", True)), fields=["updated_at"], name="temporary_chats"),
        ),
        AddIndexConcurrently(
            model_name="conversation",
            index=models.Index(condition=models.Q(("sealed", False)), fields=["id"], name="conversations_to_seal"),
        ),
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(condition=models.Q(("indexed", False)), fields=["id"], name="messages_to_index"),
        ),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_conversation", "title")),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_message", "text")),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_message", "sources", holds_json=True)),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_citation", "quote", _MARK)),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_citation", "document_name", _MARK)),
        migrations.RunPython(migrations.RunPython.noop, opened("conversations_turn", "filters", holds_json=True)),
    ]
