"""Indexes without a lock: there is a collection for each conversation with files, and there are many documents."""

from django.db import migrations, models
from django.db.models import Q

from retrieval.concurrent_index import concurrent_index

OWED = ["received", "parsing", "embedding"]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("retrieval", "0007_attached_files"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                concurrent_index(
                    "collections_that_owe_work",
                    "retrieval_document",
                    "(status, collection_id) WHERE status IN ('received', 'parsing', 'embedding')",
                ),
                concurrent_index("line_served_last", "retrieval_collection", "(tenant, attached, served_at)"),
                concurrent_index("attached_collections", "retrieval_collection", "(id) WHERE attached"),
            ],
            state_operations=[
                migrations.AddIndex(
                    "document",
                    models.Index(
                        condition=Q(status__in=OWED), fields=["status", "collection"], name="collections_that_owe_work"
                    ),
                ),
                migrations.AddIndex(
                    "collection", models.Index(fields=["tenant", "attached", "served_at"], name="line_served_last")
                ),
                migrations.AddIndex(
                    "collection",
                    models.Index(condition=Q(attached=True), fields=["id"], name="attached_collections"),
                ),
            ],
        ),
    ]
