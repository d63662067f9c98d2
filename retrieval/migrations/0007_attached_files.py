from django.db import migrations, models


class Migration(migrations.Migration):
    """There are few collections, and the new column has a constant default: no lock lasts."""

    dependencies = [
        ("retrieval", "0006_tenants"),
    ]

    operations = [
        migrations.AddField(
            "collection", "attached", models.BooleanField(db_default=False, default=False, editable=False)
        ),
        migrations.AddIndex(
            "collection",
            models.Index(condition=models.Q(("attached", False)), fields=["tenant"], name="listed_collections"),
        ),
    ]
