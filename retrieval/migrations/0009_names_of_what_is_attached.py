"""Names are taken by listed collections alone. The new index is built without a lock before the old one goes."""

from django.db import migrations, models
from django.db.models import Q

from retrieval.concurrent_index import concurrent_index

# Going back: where a listed collection took the name of an attached one, the latter gives way.
_EACH_NAME_ONCE = """
UPDATE retrieval_collection a SET name = 'attached as ' || a.id
 WHERE a.attached AND EXISTS (
   SELECT FROM retrieval_collection l WHERE l.tenant = a.tenant AND l.name = a.name AND NOT l.attached)
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("retrieval", "0008_indexes_of_what_is_attached"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                concurrent_index(
                    "one_listed_collection_of_each_name",
                    "retrieval_collection",
                    "(tenant, name) WHERE NOT attached",
                    unique=True,
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    "collection",
                    models.UniqueConstraint(
                        condition=Q(attached=False),
                        fields=("tenant", "name"),
                        name="one_listed_collection_of_each_name",
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint("collection", "one_collection_of_each_name"),
        migrations.RunSQL(migrations.RunSQL.noop, _EACH_NAME_ONCE),
    ]
