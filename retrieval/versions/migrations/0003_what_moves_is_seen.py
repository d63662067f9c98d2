from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("versions", "0002_when_a_version_moved"),
    ]

    operations = [
        migrations.RemoveField(model_name="indexversion", name="generation"),
        migrations.AddField(model_name="indexversion", name="began_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="indexversion", name="began_with", field=models.PositiveIntegerField(default=0)),
        migrations.AddField(model_name="indexservicestate", name="loading", field=models.JSONField(default=dict)),
        migrations.AddField(model_name="indexservicestate", name="loads_since", field=models.DateTimeField(null=True)),
    ]
