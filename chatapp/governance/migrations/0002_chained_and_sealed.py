from django.conf import settings
from django.db import migrations, models

# A line may be chained once (and the name that older processes wrote plainly be sealed with that); nothing else.
_KEEP = """
CREATE FUNCTION governance_audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    chained CONSTANT text[] := ARRAY['sequence', 'previous_hash', 'hash', 'actor_name', 'sealed'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.hash IS NULL AND NEW.hash IS NOT NULL AND NEW.sequence IS NOT NULL
        AND NEW.previous_hash IS NOT NULL AND to_jsonb(NEW) - chained = to_jsonb(OLD) - chained
        AND NEW.actor_name IN (OLD.actor_name, '')
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Entries of the audit trail are neither changed nor deleted.'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_entry_is_kept BEFORE UPDATE OR DELETE ON governance_auditentry
    FOR EACH ROW EXECUTE FUNCTION governance_audit_is_kept();
CREATE TRIGGER audit_trail_is_kept BEFORE TRUNCATE ON governance_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION governance_audit_is_kept();
"""
_LET_GO = """
DROP TRIGGER audit_entry_is_kept ON governance_auditentry;
DROP TRIGGER audit_trail_is_kept ON governance_auditentry;
DROP FUNCTION governance_audit_is_kept();
"""


class Migration(migrations.Migration):
    """Lines that are there already are chained by the worker, in the order in which they were written. Nothing here
    reads the table: its indexes are made by the next one.
    """

    dependencies = [
        ("governance", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("auditentry", "actor_name", "plain_name"),
                migrations.AlterField(
                    "auditentry",
                    "plain_name",
                    models.CharField(blank=True, db_column="actor_name", max_length=150, verbose_name="by"),
                ),
            ]
        ),
        migrations.AddField("auditentry", "sealed", models.JSONField(null=True)),
        migrations.AddField("auditentry", "sequence", models.BigIntegerField(null=True)),
        migrations.AddField("auditentry", "previous_hash", models.CharField(max_length=64, null=True)),
        migrations.AddField("auditentry", "hash", models.CharField(max_length=64, null=True)),
        migrations.RunSQL(_KEEP, _LET_GO),
    ]
