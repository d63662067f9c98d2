import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """The table has a row for each limit that somebody set: no lock lasts."""

    dependencies = [
        ("limits", "0001_limits"),
        ("organisations", "0001_organisations"),
    ]

    operations = [
        migrations.RemoveConstraint("limit", "limit_is_of_one_at_most"),
        migrations.RemoveConstraint("limit", "limit_is_shared_by_many"),
        migrations.RemoveConstraint("limit", "one_limit_of_each_kind"),
        migrations.AddField(
            "limit",
            "organisation",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organisations.organisation",
            ),
        ),
        migrations.AlterField(
            "limit",
            "together",
            models.BooleanField(
                default=False,
                help_text="The people of the group or the organisation, or everybody, share this amount; "
                "otherwise each has it.",
            ),
        ),
        migrations.AddConstraint(
            "limit",
            models.CheckConstraint(
                condition=Q(user=None, group=None, key=None)
                | Q(user=None, group=None, organisation=None)
                | Q(user=None, key=None, organisation=None)
                | Q(group=None, key=None, organisation=None),
                name="limit_is_of_one_at_most",
            ),
        ),
        migrations.AddConstraint(
            "limit",
            models.CheckConstraint(
                condition=Q(together=False)
                | (Q(user=None, key=None) & (~Q(resource="turns") | Q(organisation__isnull=False))),
                name="limit_is_shared_by_many",
            ),
        ),
        migrations.AddConstraint(
            "limit",
            models.UniqueConstraint(
                fields=["resource", "user", "group", "organisation", "key", "together"],
                nulls_distinct=False,
                name="one_limit_of_each_kind",
            ),
        ),
    ]
