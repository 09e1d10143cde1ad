from django.urls import path

from billing.views import bills, usage

urlpatterns = [
    path("usage/", usage.usage, name="usage"),
    path("usage/export.csv", usage.usage_export, name="usage_export"),
    path("billing/", bills.billing, name="billing"),
    path("billing/receipts/<str:request_id>/", bills.receipt, name="receipt"),
]
