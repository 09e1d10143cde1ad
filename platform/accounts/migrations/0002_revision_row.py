from django.db import migrations


def add_row(apps, schema_editor):
    apps.get_model("accounts", "Revision").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(add_row, migrations.RunPython.noop)]
