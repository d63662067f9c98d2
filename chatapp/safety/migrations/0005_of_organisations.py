import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The tables have a row for each rule and list that somebody wrote: no lock lasts."""

    dependencies = [
        ("organisations", "0001_organisations"),
        ("safety", "0004_documents"),
    ]

    operations = [
        migrations.AddField(
            "wordlist",
            "organisation",
            models.ForeignKey(
                blank=True,
                help_text="Empty: of all.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organisations.organisation",
            ),
        ),
        migrations.RemoveConstraint("filterrule", "one_rule_for_each"),
        migrations.AddField(
            "filterrule",
            "organisation",
            models.ForeignKey(
                blank=True,
                help_text="Of the asker, and of documents. Empty: all.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organisations.organisation",
            ),
        ),
        migrations.AddConstraint(
            "filterrule",
            models.UniqueConstraint(
                fields=("what", "words", "where", "organisation", "group", "collection"),
                name="one_rule_for_each",
                nulls_distinct=False,
            ),
        ),
    ]
