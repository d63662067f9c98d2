import uuid

from django.db import migrations, models

HOUSE = uuid.UUID(int=1)


class Migration(migrations.Migration):
    dependencies = [
        ("evaluation", "0001_initial"),
    ]

    operations = [
        migrations.AddField("questionset", "tenant", models.UUIDField(db_default=HOUSE, default=HOUSE, editable=False)),
    ]
