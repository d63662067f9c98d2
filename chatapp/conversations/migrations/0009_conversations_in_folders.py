"""An index without a lock, apart from what is made in a transaction. It can be run again."""

from django.db import migrations, models

from chatapp.concurrent_index import concurrent_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0008_folders")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                concurrent_index(
                    "conversations_in_folders", "conversations_conversation", "(folder_id) WHERE folder_id IS NOT NULL"
                ),
            ],
            state_operations=[
                migrations.AddIndex(
                    model_name="conversation",
                    index=models.Index(
                        condition=models.Q(("folder__isnull", False)),
                        fields=["folder"],
                        name="conversations_in_folders",
                    ),
                ),
            ],
        ),
    ]
