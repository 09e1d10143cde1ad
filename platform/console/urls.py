"""Pages end in a slash. The data plane is not here: `console.asgi` hands it to the gateway before Django sees it."""

from django.urls import include, path

from console import ops, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("accounts/", include("allauth.account.urls")),
    path("healthz", ops.healthz, name="healthz"),
    path("readyz", ops.readyz, name="readyz"),
    path("metrics", ops.metrics, name="metrics"),
]
