"""Columns that Postgres adds without touching rows; what was sent before they were there is shown without an answer."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("feedback", "0004_index_of_what_was_sent")]

    operations = [
        migrations.AddField(
            model_name="rating", name="sent_length", field=models.PositiveIntegerField(db_default=0, default=0)
        ),
        migrations.AddField(
            model_name="rating",
            name="sent_passages",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None),
        ),
    ]
