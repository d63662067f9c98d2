import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The column is empty and takes no time; its reference is checked over a table of a few rows, and locks that of
    organisations against writing for as long."""

    dependencies = [
        ("organisations", "0001_organisations"),
        ("signon", "0001_identity_providers"),
    ]

    operations = [
        migrations.AddField(
            model_name="identityprovider",
            name="organisation",
            field=models.ForeignKey(
                blank=True,
                help_text="Whom it makes is of it, and it signs in nobody else. Empty: it makes people of the house, and "
                "signs in whoever is linked to it. A change moves nobody, and ends the sessions that came from it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organisations.organisation",
            ),
        ),
    ]
