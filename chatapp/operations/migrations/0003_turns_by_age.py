from django.db import migrations


class Migration(migrations.Migration):
    """An index of turns by their age, from which minutes are summed up, and nothing else: so it stands here, not among
    those of the conversations. It is built beside writers."""

    atomic = False
    dependencies = [("operations", "0002_minutes"), ("conversations", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS operations_turns_by_age ON conversations_turn (created_at)",
            "DROP INDEX CONCURRENTLY IF EXISTS operations_turns_by_age",
        ),
    ]
