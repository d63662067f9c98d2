from typing import Any

from django.db import migrations, models


def without_organisers(apps: Any, schema_editor: Any) -> None:
    """The version before knows no such role."""
    apps.get_model("roles", "Appointment").objects.filter(role="organiser").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("organisations", "0001_organisations"),
        ("roles", "0001_roles"),
    ]

    operations = [
        migrations.RemoveConstraint("appointment", "curators_have_a_collection"),
        migrations.AlterField(
            "appointment",
            "role",
            models.CharField(
                choices=[
                    ("curator", "Curator: looks after one collection"),
                    ("auditor", "Auditor: reads the audit trail"),
                    ("organiser", "Organiser: administers the organisation"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            "appointment",
            models.CheckConstraint(
                condition=models.Q(("collection__isnull", False), ("role", "curator"))
                | models.Q(("collection__isnull", True), ("role__in", ["auditor", "organiser"])),
                name="curators_have_a_collection",
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, without_organisers),
    ]
