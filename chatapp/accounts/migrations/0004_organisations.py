import uuid

import django.db.models.deletion
from django.db import migrations, models

HOUSE = uuid.UUID(int=1)
# With a constant behind it a new column rewrites nothing; the next migration checks the key, and makes its index.
_COLUMN = f"ALTER TABLE accounts_user ADD COLUMN organisation_id uuid NOT NULL DEFAULT '{HOUSE}';"
_KEY = """
ALTER TABLE accounts_user ADD CONSTRAINT accounts_user_organisation FOREIGN KEY (organisation_id)
    REFERENCES organisations_organisation (id) DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""
# Whatever opens an account (a form, a provider, a command) opens none in an organisation that is closed. The row of the
# organisation is locked as closing it locks it: either sees the other.
_CLOSED = """
CREATE FUNCTION accounts_user_of_closed_organisation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_open boolean;
BEGIN
    SELECT is_active INTO is_open FROM organisations_organisation WHERE id = NEW.organisation_id FOR SHARE;
    IF NOT is_open THEN
        NEW.is_active := false;
        NEW.closed_with_organisation := true;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER accounts_user_made BEFORE INSERT ON accounts_user
    FOR EACH ROW WHEN (NEW.is_active) EXECUTE FUNCTION accounts_user_of_closed_organisation();
CREATE TRIGGER accounts_user_opened BEFORE UPDATE OF is_active, organisation_id ON accounts_user
    FOR EACH ROW WHEN (
        NEW.is_active AND (NOT OLD.is_active OR OLD.organisation_id IS DISTINCT FROM NEW.organisation_id)
    ) EXECUTE FUNCTION accounts_user_of_closed_organisation();
"""
_OPEN = """
DROP TRIGGER accounts_user_made ON accounts_user;
DROP TRIGGER accounts_user_opened ON accounts_user;
DROP FUNCTION accounts_user_of_closed_organisation();
"""


class Migration(migrations.Migration):
    """All people that there are belong to the house."""

    dependencies = [
        ("accounts", "0003_scoped_keys"),
        ("organisations", "0001_organisations"),
    ]

    operations = [
        migrations.AddField(
            "user",
            "closed_with_organisation",
            models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField("user", "organisation_since", models.DateTimeField(editable=False, null=True)),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    "user",
                    "organisation",
                    models.ForeignKey(
                        db_default=HOUSE,
                        default=HOUSE,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="people",
                        to="organisations.organisation",
                    ),
                )
            ],
            database_operations=[
                migrations.RunSQL(_COLUMN, "ALTER TABLE accounts_user DROP COLUMN organisation_id;"),
                migrations.RunSQL(_KEY, "ALTER TABLE accounts_user DROP CONSTRAINT accounts_user_organisation;"),
            ],
        ),
        migrations.RunSQL(_CLOSED, _OPEN),
    ]
