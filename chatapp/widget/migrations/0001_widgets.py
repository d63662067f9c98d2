"""Chat widgets on pages of others, and the conversations of visitors without an account."""

import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import chatapp.widget.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("conversations", "0010_pinned_and_archived"),
        ("organisations", "0001_organisations"),
        ("retrieval", "0006_tenants"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Widget",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(help_text="For the administration and the audit trail.", max_length=80)),
                (
                    "key",
                    models.CharField(default=chatapp.widget.models.new_key, editable=False, max_length=40, unique=True),
                ),
                ("is_on", models.BooleanField(default=True, verbose_name="in use")),
                (
                    "origins",
                    models.TextField(
                        help_text="Of the pages that may show it, one to a line: https://intranet.example.com. No other page can."
                    ),
                ),
                ("title", models.CharField(blank=True, help_text="Empty: the name of this Footnote.", max_length=60)),
                ("greeting", models.CharField(blank=True, help_text="Above the first question.", max_length=300)),
                (
                    "accent",
                    models.CharField(
                        default="#1f5f5b",
                        help_text="Of the button and of the head. Words on it are black or white, whichever can be read better.",
                        max_length=7,
                        validators=[
                            django.core.validators.RegexValidator("^#[0-9a-fA-F]{6}\\Z", "Write it as #1f5f5b.")
                        ],
                        verbose_name="colour",
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[
                            ("end", "at the end of the line (right, where text runs from the left)"),
                            ("start", "at the beginning of the line"),
                        ],
                        default="end",
                        max_length=5,
                    ),
                ),
                (
                    "visitors",
                    models.BooleanField(
                        default=False,
                        help_text="Then whoever reaches Footnote and knows the key, which stands in the intranet's page, reads these collections: origins hold browsers back, not programs. Documents with readers of their own stay closed.",
                        verbose_name="answers people who are not signed in",
                    ),
                ),
                (
                    "visitor_answers",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                        verbose_name="answers to them at the same time",
                    ),
                ),
                (
                    "visitor_questions",
                    models.PositiveIntegerField(
                        default=200,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="questions of all of them in an hour",
                    ),
                ),
                (
                    "address_questions",
                    models.PositiveIntegerField(
                        default=20,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="questions from one address in an hour",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("renewed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "account",
                    models.OneToOneField(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="widget",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "collections",
                    models.ManyToManyField(
                        help_text="It searches these, and of these what its asker may read.",
                        related_name="+",
                        to="retrieval.collection",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        default=uuid.UUID("00000000-0000-0000-0000-000000000001"),
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organisations.organisation",
                    ),
                ),
                (
                    "readers",
                    models.OneToOneField(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
            ],
            options={
                "verbose_name": "chat widget",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("visitor", models.UUIDField()),
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visit",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "widget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="widget.widget"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="widget",
            constraint=models.UniqueConstraint(fields=("organisation", "name"), name="one_widget_of_each_name"),
        ),
        migrations.AddConstraint(
            model_name="widget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("address_questions__gt", 0), ("visitor_answers__gt", 0), ("visitor_questions__gt", 0)
                ),
                name="widget_limits_are_more_than_nothing",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(fields=["visitor"], name="visits_of_a_visitor"),
        ),
    ]
