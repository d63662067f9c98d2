from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("limits", "0004_questions")]

    operations = [
        migrations.AddField(model_name="budget", name="made_at", field=models.DateTimeField(editable=False, null=True)),
    ]
