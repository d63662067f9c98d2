import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("sources", "0002_ownership_is_in_the_document"),
    ]

    operations = [
        migrations.AddField(
            model_name="sourceitem",
            name="absent",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="FormerPlace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_hash", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("collection_key", models.UUIDField()),
                ("restricted", models.BooleanField()),
                ("readers", models.ManyToManyField(related_name="+", to="auth.group")),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_places",
                        to="sources.source",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["source", "sha256"], name="former_places_by_their_bytes")],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "key_hash"), name="one_former_place_for_each_key")
                ],
            },
        ),
    ]
