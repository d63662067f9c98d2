import uuid
from typing import Any

from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError
from django.db.models import OuterRef, Subquery

HOUSE = uuid.UUID(int=1)


def of_their_collections(apps: Any, schema_editor: Any) -> None:
    collection = apps.get_model("retrieval", "Collection").objects.filter(pk=OuterRef("collection"))
    apps.get_model("sources", "Source").objects.update(tenant=Subquery(collection.values("tenant")))


def each_name_once(apps: Any, schema_editor: Any) -> None:
    """In the version before, no two sources have one name. Raises IrreversibleError."""
    sources = apps.get_model("sources", "Source").objects.order_by()
    twice = sources.values("name").annotate(times=models.Count("pk")).filter(times__gt=1).order_by("name")
    if names := list(twice.values_list("name", flat=True)[:10]):
        raise IrreversibleError(
            f"Sources of several organisations have the same name: {', '.join(names)}. Remove them, or make them anew"
            " under other names, so that each name is there once, and run it again."
        )


class Migration(migrations.Migration):
    """The table has a row for each source that somebody set up: no lock lasts."""

    dependencies = [
        ("sources", "0005_who_reaches_private_networks"),
        ("retrieval", "0006_tenants"),
    ]

    operations = [
        migrations.AddField("source", "tenant", models.UUIDField(db_default=HOUSE, default=HOUSE, editable=False)),
        migrations.RunPython(of_their_collections, migrations.RunPython.noop, elidable=False),
        migrations.AlterField("source", "name", models.CharField(max_length=120)),
        migrations.AddConstraint(
            "source",
            models.UniqueConstraint(fields=("tenant", "name"), name="one_source_of_each_name"),
        ),
        migrations.RunPython(migrations.RunPython.noop, each_name_once),
    ]
