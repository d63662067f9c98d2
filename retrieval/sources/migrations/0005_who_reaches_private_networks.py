from typing import Any

from django.db import migrations, models


def those_of_administrators(apps: Any, schema_editor: Any) -> None:
    """Curators make sources of web pages alone: of those that are there, it is not known who made them."""
    apps.get_model("sources", "Source").objects.exclude(kind="web").update(private_networks=True)


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0004_since_when_an_item_is_known"),
    ]

    operations = [
        migrations.AddField(
            model_name="source",
            name="private_networks",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunPython(those_of_administrators, migrations.RunPython.noop),
    ]
