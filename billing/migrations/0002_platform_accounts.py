from django.db import migrations


def add_rows(apps, schema_editor):
    for kind in ("revenue", "promotion", "loss", "probes"):
        apps.get_model("billing", "Account").objects.get_or_create(kind=kind, workspace=None)
    apps.get_model("billing", "Writer").objects.get_or_create(
        kind="console", defaults={"label": "console", "last_hash": bytes(32)}
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunPython(add_rows, migrations.RunPython.noop)]
