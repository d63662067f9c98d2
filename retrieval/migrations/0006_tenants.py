import uuid

from django.db import migrations, models

HOUSE = uuid.UUID(int=1)


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
    ]
