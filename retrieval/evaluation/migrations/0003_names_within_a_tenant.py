from typing import Any

from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError


def each_name_once(apps: Any, schema_editor: Any) -> None:
    """In the version before, no two question sets have one name. Raises IrreversibleError."""
    sets = apps.get_model("evaluation", "QuestionSet").objects.order_by()
    twice = sets.values("name").annotate(times=models.Count("pk")).filter(times__gt=1).order_by("name")
    if names := list(twice.values_list("name", flat=True)[:10]):
        raise IrreversibleError(
            f"Question sets of several organisations have the same name: {', '.join(names)}. Import them anew under"
            " other names, so that each name is there once, and run it again."
        )


class Migration(migrations.Migration):
    """The table has a row for each set that somebody imported: no lock lasts."""

    dependencies = [
        ("evaluation", "0002_tenants"),
    ]

    operations = [
        migrations.AlterField("questionset", "name", models.CharField(max_length=120)),
        migrations.AddConstraint(
            "questionset",
            models.UniqueConstraint(fields=("tenant", "name"), name="one_question_set_of_each_name"),
        ),
        migrations.RunPython(migrations.RunPython.noop, each_name_once),
    ]
