from django.db import migrations, models


class Migration(migrations.Migration):
    """There are few roll-outs: no lock lasts."""

    dependencies = [
        ("inference", "0005_person_of_an_outcome"),
    ]

    operations = [
        migrations.AddConstraint(
            "rollout",
            models.CheckConstraint(condition=models.Q(("share__lte", 100)), name="share_of_a_rollout_in_percent"),
        ),
    ]
