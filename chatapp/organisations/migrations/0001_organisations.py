import uuid

import django.db.models.deletion
from django.db import migrations, models

HOUSE = uuid.UUID(int=1)
_HOUSE = f"""
INSERT INTO organisations_organisation (id, name, slug, is_active, created_at)
VALUES ('{HOUSE}', 'House', 'house', true, now()) ON CONFLICT DO NOTHING;
INSERT INTO organisations_groupplace (group_id, organisation_id)
SELECT id, '{HOUSE}' FROM auth_group ON CONFLICT DO NOTHING;
"""  # noqa: S608 - a constant of ours


class Migration(migrations.Migration):
    """All groups that there are belong to the house."""

    initial = True

    dependencies = [("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.CreateModel(
            name="Organisation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80, unique=True)),
                (
                    "slug",
                    models.SlugField(
                        help_text="Small letters, digits, hyphens. Names of its groups and people begin or end with it.",
                        max_length=30,
                        unique=True,
                        verbose_name="short name",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="open")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.AddConstraint(
            "organisation",
            models.CheckConstraint(
                condition=models.Q(("pk", HOUSE), _negated=True) | models.Q(("is_active", True)),
                name="the_house_stays_open",
            ),
        ),
        migrations.CreateModel(
            name="GroupPlace",
            fields=[
                (
                    "group",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="place",
                        serialize=False,
                        to="auth.group",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="group_places",
                        to="organisations.organisation",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(_HOUSE, migrations.RunSQL.noop),
    ]
