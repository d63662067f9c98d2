"""Columns that Postgres adds without touching rows: each has a default, or is empty."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import chatapp.privacy.fields


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("conversations", "0007_what_is_left_to_seal"),
    ]

    operations = [
        migrations.CreateModel(
            name="Folder",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", chatapp.privacy.fields.SealedTextField(person="owner_id", place=("pk",))),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="folders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField("conversation", "pinned", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("conversation", "archived", models.BooleanField(db_default=False, default=False)),
        migrations.AddField(
            "conversation",
            "folder",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="conversations",
                to="conversations.folder",
            ),
        ),
    ]
