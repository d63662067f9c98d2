import uuid

from django.db import migrations, models

HOUSE = uuid.UUID(int=1)


class Migration(migrations.Migration):
    """Lines that there are belong to the house. A constant behind a new column changes no row: their hashes hold."""

    dependencies = [
        ("governance", "0003_indexes_of_the_chain"),
    ]

    operations = [
        migrations.AddField(
            "auditentry", "organisation", models.UUIDField(db_default=HOUSE, default=HOUSE, editable=False)
        ),
    ]
