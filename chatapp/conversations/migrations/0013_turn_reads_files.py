from django.db import migrations, models


class Migration(migrations.Migration):
    """A constant default: no lock lasts. Turns that run meanwhile go on without files, if their process dies."""

    dependencies = [("conversations", "0012_explanation")]

    operations = [
        migrations.AddField(
            model_name="turn", name="reads_files", field=models.BooleanField(db_default=False, default=False)
        ),
    ]
