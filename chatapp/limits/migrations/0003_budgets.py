from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Two new tables; nothing that is there is touched."""

    dependencies = [
        ("limits", "0002_of_organisations"),
        ("organisations", "0001_organisations"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            "Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "tokens",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="Read and written by models. Empty: not bounded.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="tokens a month",
                    ),
                ),
                (
                    "cost",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="In the currency of the models' prices; models without a price cost nothing."
                        " Empty: not bounded.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                        verbose_name="cost a month",
                    ),
                ),
                (
                    "warn_percent",
                    models.PositiveSmallIntegerField(
                        default=80,
                        help_text="Where so much of it is used, it is marked on the list and written in the audit"
                        " trail.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="warn at (%)",
                    ),
                ),
                (
                    "group",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "organisation",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organisations.organisation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(organisation=None, group__isnull=False) | Q(organisation__isnull=False, group=None),
                        name="a_budget_is_of_one",
                    ),
                    models.CheckConstraint(
                        condition=Q(tokens__isnull=False) | Q(cost__isnull=False), name="a_budget_bounds_something"
                    ),
                    models.CheckConstraint(
                        condition=(Q(tokens=None) | Q(tokens__gt=0))
                        & (Q(cost=None) | Q(cost__gt=0))
                        & Q(warn_percent__gte=1, warn_percent__lte=100),
                        name="a_budget_is_more_than_nothing",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            "Spent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField()),
                ("tokens", models.BigIntegerField(default=0)),
                ("cost", models.DecimalField(decimal_places=8, default=Decimal("0"), max_digits=20)),
                ("warned_at", models.DateTimeField(null=True)),
                ("stopped_at", models.DateTimeField(null=True)),
                (
                    "budget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="months", to="limits.budget"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["budget", "month"], name="one_sum_for_each_month"),
                ]
            },
        ),
    ]
