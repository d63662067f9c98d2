from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0005_what_was_put_in_by_hand"),
        ("safety", "0003_values_that_are_sealed"),
    ]

    operations = [
        migrations.AlterField(
            model_name="filterrule",
            name="where",
            field=models.CharField(
                choices=[
                    ("question", "questions"),
                    ("passages", "passages, before a model reads them"),
                    ("answer", "answers, as they are written"),
                    ("documents", "documents, as they are taken in"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="filterrule",
            name="action",
            field=models.CharField(
                choices=[
                    ("allow", "allow"),
                    ("warn", "allow, and write it down"),
                    ("seal", "mask, and show the value to the asker alone"),
                    ("mask", "mask"),
                    ("hold", "keep in quarantine"),
                    ("block", "block"),
                ],
                max_length=5,
            ),
        ),
        migrations.CreateModel(
            name="ReleasedDocument",
            fields=[
                ("document", models.UUIDField(primary_key=True, serialize=False)),
                ("released_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="QuarantinedDocument",
            fields=[],
            options={
                "verbose_name": "document in quarantine",
                "verbose_name_plural": "documents in quarantine",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("retrieval.document",),
        ),
    ]
