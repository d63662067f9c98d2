from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0004_dates_that_can_be_read"),
    ]

    operations = [
        migrations.AddField(
            model_name="document",
            name="by_hand",
            field=models.BooleanField(default=True),
        ),
        # Until now that was told by who uploaded it, which is forgotten with the account.
        migrations.RunSQL(
            "UPDATE retrieval_document SET by_hand = false WHERE uploaded_by_id IS NULL", migrations.RunSQL.noop
        ),
    ]
