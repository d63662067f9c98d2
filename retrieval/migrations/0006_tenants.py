import uuid
from typing import Any

from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError

HOUSE = uuid.UUID(int=1)


def each_name_once(apps: Any, schema_editor: Any) -> None:
    """In the version before, no two collections have one name. Raises IrreversibleError."""
    collections = apps.get_model("retrieval", "Collection").objects.order_by()
    twice = collections.values("name").annotate(times=models.Count("pk")).filter(times__gt=1)
    if names := sorted(twice.values_list("name", flat=True)[:10]):
        said = ", ".join(names)
        raise IrreversibleError(
            f"Collections of several organisations have the same name: {said}. Rename them, so that each name is there"
            " once, and run it again."
        )


class Migration(migrations.Migration):
    """All collections that there are belong to the house. There are few of them: no lock lasts."""

    dependencies = [
        ("retrieval", "0005_what_was_put_in_by_hand"),
    ]

    operations = [
        migrations.AddField("collection", "tenant", models.UUIDField(db_default=HOUSE, default=HOUSE, editable=False)),
        migrations.AlterField("collection", "name", models.CharField(max_length=120)),
        migrations.AddConstraint(
            "collection",
            models.UniqueConstraint(fields=("tenant", "name"), name="one_collection_of_each_name"),
        ),
        migrations.RunPython(migrations.RunPython.noop, each_name_once),
    ]
