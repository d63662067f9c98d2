from django.db import migrations, models
from django.db.models import Q

from chatapp.concurrent_index import concurrent_index

_NAME = "signon_session_by_name_id"
_COLUMNS = "(provider, name_id) WHERE name_id <> ''"


class Migration(migrations.Migration):
    """Beside those who sign in and out. It can be run again where it was broken off."""

    atomic = False

    dependencies = [
        ("signon", "0003_saml_sign_out"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[concurrent_index(_NAME, "signon_signonsession", _COLUMNS)],
            state_operations=[
                migrations.AddIndex(
                    "signonsession",
                    models.Index(fields=["provider", "name_id"], name=_NAME, condition=~Q(name_id="")),
                ),
            ],
        ),
    ]
