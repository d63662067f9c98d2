from django.db import migrations, models

_COLUMN = "ALTER TABLE accounts_user ADD COLUMN IF NOT EXISTS by_provider_at timestamptz NULL;"
_OF_KEY = "ALTER TABLE accounts_apikey ADD COLUMN IF NOT EXISTS rests_since timestamptz NULL;"
_FROM_NOW = """
UPDATE accounts_user SET by_provider_at = now()
WHERE by_provider_at IS NULL AND NOT is_service
    AND id IN (SELECT user_id FROM socialaccount_socialaccount);
"""


class Migration(migrations.Migration):
    """Columns without a value take no time; people of providers count from today on. It is not atomic, so that nobody
    waits for the rows behind the lock of the column, and can be run again, either way, where it was broken off."""

    atomic = False

    dependencies = [
        ("accounts", "0005_organisations_are_checked"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(_COLUMN, "ALTER TABLE accounts_user DROP COLUMN IF EXISTS by_provider_at;"),
                migrations.RunSQL(_OF_KEY, "ALTER TABLE accounts_apikey DROP COLUMN IF EXISTS rests_since;"),
                migrations.RunSQL(_FROM_NOW, migrations.RunSQL.noop),
            ],
            state_operations=[
                migrations.AddField("user", "by_provider_at", models.DateTimeField(editable=False, null=True)),
                migrations.AddField("apikey", "rests_since", models.DateTimeField(null=True)),
            ],
        ),
    ]
