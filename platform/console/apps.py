from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"

    def ready(self) -> None:
        # Importing is what registers the system checks and makes ours the current Celery app.
        from console import celery, checks  # noqa: F401
