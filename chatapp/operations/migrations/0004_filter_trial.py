from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("operations", "0003_turns_by_age"), ("safety", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="FilterTrial",
            fields=[],
            options={
                "verbose_name": "try-it box",
                "verbose_name_plural": "Try the content rules",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("safety.filterrule",),
        ),
    ]
