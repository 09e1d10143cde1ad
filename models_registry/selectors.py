"""Reads of the registry."""

from models_registry.models import Endpoint, Model


def count_enabled() -> int:
    return Model.objects.filter(state=Model.State.ENABLED).count()


def count_unhealthy() -> int:
    """Enabled models none of whose endpoints is up."""
    enabled = Model.objects.filter(state=Model.State.ENABLED)
    return enabled.exclude(endpoints__health__in=(Endpoint.Health.UP, Endpoint.Health.UNKNOWN)).count()
