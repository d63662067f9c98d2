"""Indexes without a lock, apart from what is made in a transaction. They can be run again."""

from django.db import migrations, models

from chatapp.concurrent_index import concurrent_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("feedback", "0003_sent_to_curators")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                concurrent_index(
                    "ratings_sent_to_curators", "feedback_rating", "(sent_at, id) WHERE sent_at IS NOT NULL"
                ),
                concurrent_index("ratings_open_to_curators", "feedback_rating", "(sent_at, id) WHERE open"),
            ],
            state_operations=[
                migrations.AddIndex(
                    model_name="rating",
                    index=models.Index(
                        condition=models.Q(("sent_at__isnull", False)),
                        fields=["sent_at", "id"],
                        name="ratings_sent_to_curators",
                    ),
                ),
                migrations.AddIndex(
                    model_name="rating",
                    index=models.Index(
                        condition=models.Q(("open", True)), fields=["sent_at", "id"], name="ratings_open_to_curators"
                    ),
                ),
            ],
        ),
    ]
