from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0003_turn_runner")]

    operations = [
        migrations.AddField(model_name="turn", name="filters", field=models.JSONField(null=True)),
    ]
