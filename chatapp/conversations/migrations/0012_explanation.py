import django.db.models.deletion
from django.db import migrations, models

import chatapp.privacy.fields


class Migration(migrations.Migration):
    dependencies = [("conversations", "0011_turn_prefers")]

    operations = [
        migrations.CreateModel(
            name="Explanation",
            fields=[
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="explanation",
                        serialize=False,
                        to="conversations.message",
                    ),
                ),
                (
                    "kept",
                    chatapp.privacy.fields.SealedJSONField(
                        default=dict, person="message.conversation.owner_id", place=("pk",)
                    ),
                ),
            ],
        ),
    ]
