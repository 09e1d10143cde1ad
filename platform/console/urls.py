"""Pages end in a slash. The data plane is not here: `console.asgi` hands it to the gateway before Django sees it."""

from django.urls import include, path

from console import ops, views
from console.api import api
from console.preferences import preferences
from console.styleguide import styleguide

urlpatterns = [
    path("", views.overview, name="overview"),
    path("guide/", views.guide, name="guide"),
    path("palette/", views.palette, name="palette"),
    path("preferences/", preferences, name="preferences"),
    path("styleguide/", styleguide, name="styleguide"),
    path("accounts/", include("allauth.account.urls")),
    path("", include("accounts.urls")),
    path("", include("models_registry.urls")),
    path("", include("inference.urls")),
    path("", include("billing.urls")),
    path("api/v1/", api.urls),
    path("healthz", ops.healthz, name="healthz"),
    path("readyz", ops.readyz, name="readyz"),
    path("metrics", ops.metrics, name="metrics"),
]
