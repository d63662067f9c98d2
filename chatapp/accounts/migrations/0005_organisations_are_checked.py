from django.db import migrations

from chatapp.concurrent_index import concurrent_index

_CHECKED = "ALTER TABLE accounts_user VALIDATE CONSTRAINT accounts_user_organisation;"


class Migration(migrations.Migration):
    """Beside those who write. It can be run again where it was broken off."""

    atomic = False

    dependencies = [
        ("accounts", "0004_organisations"),
    ]

    operations = [
        migrations.RunSQL(_CHECKED, migrations.RunSQL.noop),
        concurrent_index("accounts_user_of_organisation", "accounts_user", "(organisation_id)"),
    ]
