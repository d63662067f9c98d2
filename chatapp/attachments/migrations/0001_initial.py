from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("conversations", "0011_turn_prefers"),
        ("retrieval", "0007_attached_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="Attached",
            fields=[
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=models.deletion.CASCADE,
                        primary_key=True,
                        related_name="attached",
                        serialize=False,
                        to="conversations.conversation",
                    ),
                ),
                (
                    "collection",
                    models.OneToOneField(
                        on_delete=models.deletion.CASCADE, related_name="attached_to", to="retrieval.collection"
                    ),
                ),
            ],
        ),
    ]
