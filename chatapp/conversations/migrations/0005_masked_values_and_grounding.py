import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0004_turn_filters"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="unsupported",
            field=models.JSONField(null=True),
        ),
        migrations.CreateModel(
            name="MaskedValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("sealed", models.TextField()),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="masked_values",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("conversation", "name"), name="one_value_for_each_placeholder")
                ],
            },
        ),
    ]
