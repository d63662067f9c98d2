from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("safety", "0002_kinds_judged_as_a_whole"),
    ]

    operations = [
        migrations.AlterField(
            model_name="filterrule",
            name="action",
            field=models.CharField(
                choices=[
                    ("allow", "allow"),
                    ("warn", "allow, and write it down"),
                    ("seal", "mask, and show the value to the asker alone"),
                    ("mask", "mask"),
                    ("block", "block"),
                ],
                max_length=5,
            ),
        ),
    ]
