from django.db import migrations

# A year beyond 9999 can be stored and never be read again: whatever lists such a document fails.
_FORGET = """
UPDATE retrieval_document SET dated_at = NULL WHERE dated_at NOT BETWEEN '1900-01-01Z' AND '2201-01-01Z'
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0003_what_passages_and_readers_need")]

    operations = [migrations.RunSQL(_FORGET, migrations.RunSQL.noop)]
