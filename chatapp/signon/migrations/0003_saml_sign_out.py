from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with a default of the database take no time."""

    dependencies = [("signon", "0002_bound_to_an_organisation")]

    operations = [
        migrations.AddField(
            "identityprovider",
            "slo_url",
            models.CharField(
                "sign-out address",
                blank=True,
                db_default="",
                default="",
                help_text="SAML alone: for single logout (HTTP-Redirect). "
                "Empty: who signs out here stays signed in there.",
                max_length=500,
            ),
        ),
        migrations.AlterField(
            "identityprovider",
            "key",
            models.CharField(
                "name of its secret",
                blank=True,
                help_text="The environment variable, such as SIGNON_KEY_CORP, that holds the client secret; "
                "of SAML a private key of ours with its certificate, for providers that want sign-outs signed.",
                max_length=80,
            ),
        ),
        migrations.AddField(
            "signonsession", "name_id", models.CharField(blank=True, db_default="", default="", max_length=255)
        ),
    ]
