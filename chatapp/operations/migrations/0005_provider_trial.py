from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("operations", "0004_filter_trial"), ("signon", "0001_identity_providers")]
    operations = [
        migrations.CreateModel(
            name="ProviderTrial",
            fields=[],
            options={
                "verbose_name": "test of a sign-on",
                "verbose_name_plural": "Test a sign-on",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("signon.identityprovider",),
        ),
    ]
