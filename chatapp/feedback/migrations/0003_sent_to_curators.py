"""Columns that Postgres adds without touching rows, with defaults for processes of the version before; and a table."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import chatapp.privacy.fields


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0002_sealed_texts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="rating",
            name="correction",
            field=chatapp.privacy.fields.SealedTextField(
                blank=True,
                db_default="",
                default="",
                max_length=2000,
                person="person_id",
                place=("message_id", "person_id"),
            ),
        ),
        migrations.AddField(model_name="rating", name="sent_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="rating", name="open", field=models.BooleanField(db_default=False, default=False)
        ),
        migrations.CreateModel(
            name="Handled",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "note",
                    chatapp.privacy.fields.SealedTextField(
                        blank=True, max_length=1000, person="rating.person_id", place=("rating_id",)
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rating",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="handled", to="feedback.rating"
                    ),
                ),
            ],
        ),
    ]
