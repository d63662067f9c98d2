import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """A small table of its own, and a help text: nothing that is there is touched."""

    dependencies = [("privacy", "0002_retention")]

    operations = [
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ended_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                ("conversations", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.AlterField(
            model_name="retentionrule",
            name="days",
            field=models.PositiveIntegerField(
                help_text="So many after its last message a conversation is deleted, with all that hangs on it.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(36500),
                ],
            ),
        ),
    ]
