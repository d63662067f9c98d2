import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("retrieval", "0006_tenants")]
    operations = [
        migrations.CreateModel(
            name="Setup",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False),
                ),
                ("model_later", models.BooleanField(default=False)),
                ("left_at", models.DateTimeField(null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="retrieval.collection",
                    ),
                ),
            ],
            options={
                "verbose_name": "set-up",
                "verbose_name_plural": "Set-up",
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="one_setup")],
            },
        ),
    ]
