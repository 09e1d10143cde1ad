from django.urls import path

from models_registry import views

urlpatterns = [
    path("catalogue/", views.catalogue, name="catalogue"),
    path("compare/", views.compare, name="compare"),
    path("catalogue/<path:name>/", views.catalogue_model, name="catalogue_model"),
]
