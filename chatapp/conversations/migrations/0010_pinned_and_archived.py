"""Indexes without a lock, apart from what is made in a transaction. They can be run again."""

from django.db import migrations, models

from chatapp.concurrent_index import concurrent_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0009_conversations_in_folders")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                concurrent_index("pinned_conversations", "conversations_conversation", "(owner_id) WHERE pinned"),
                concurrent_index("archived_conversations", "conversations_conversation", "(owner_id) WHERE archived"),
            ],
            state_operations=[
                migrations.AddIndex(
                    model_name="conversation",
                    index=models.Index(
                        condition=models.Q(("pinned", True)), fields=["owner"], name="pinned_conversations"
                    ),
                ),
                migrations.AddIndex(
                    model_name="conversation",
                    index=models.Index(
                        condition=models.Q(("archived", True)), fields=["owner"], name="archived_conversations"
                    ),
                ),
            ],
        ),
    ]
