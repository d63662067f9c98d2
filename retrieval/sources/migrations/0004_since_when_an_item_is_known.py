from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0003_former_places"),
    ]

    operations = [
        migrations.AddField(
            model_name="sourceitem",
            name="since",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
