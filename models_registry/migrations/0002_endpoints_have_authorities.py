from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('models_registry', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='endpoint',
            name='ca_certificates',
            field=models.TextField(blank=True, default=''),
        ),
    ]
