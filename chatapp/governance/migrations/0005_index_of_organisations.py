from django.db import migrations, models

from chatapp.concurrent_index import concurrent_index

_NAME = "audit_by_organisation"


class Migration(migrations.Migration):
    """Beside those who write. It can be run again where it was broken off."""

    atomic = False

    dependencies = [
        ("governance", "0004_organisations"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[concurrent_index(_NAME, "governance_auditentry", "(organisation, id DESC)")],
            state_operations=[
                migrations.AddIndex("auditentry", models.Index(fields=["organisation", "-id"], name=_NAME)),
            ],
        ),
    ]
