"""Pages end in a slash. The data plane is not here: `console.asgi` hands it to the gateway before Django sees it."""

from django.urls import include, path

from console import key_views, ledger_page, ops, views
from console.api import api, nothing_here
from console.guide import guide
from console.palette import palette
from console.preferences import preferences
from console.styleguide import styleguide

urlpatterns = [
    path("", views.overview, name="overview"),
    path("guide/", guide, name="guide"),
    path("guide/<slug:topic>/", guide, name="guide_topic"),
    path("palette/", palette, name="palette"),
    path("keys/", key_views.keys, name="keys"),
    path("keys/new/", key_views.key_new, name="key_new"),
    path("keys/<int:key_id>/revoke/", key_views.key_revoke, name="key_revoke"),
    path("ledger/", ledger_page.ledger, name="ledger"),
    path("ledger/check/", ledger_page.ledger_check, name="ledger_check"),
    path("preferences/", preferences, name="preferences"),
    path("styleguide/", styleguide, name="styleguide"),
    path("accounts/", include("allauth.account.urls")),
    path("", include("accounts.urls")),
    path("", include("models_registry.urls")),
    path("", include("inference.urls")),
    path("", include("billing.urls")),
    path("api/v1/", api.urls),
    path("api/<path:path>", nothing_here),
    path("healthz", ops.healthz, name="healthz"),
    path("readyz", ops.readyz, name="readyz"),
    path("metrics", ops.metrics, name="metrics"),
]
