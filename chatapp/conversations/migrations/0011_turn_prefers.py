from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0010_pinned_and_archived")]

    operations = [
        migrations.AddField(
            model_name="turn",
            name="prefers",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
    ]
