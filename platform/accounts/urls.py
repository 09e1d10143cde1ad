from django.urls import path

from accounts import views

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("settings/workspace/", views.workspace_name, name="workspace_name"),
    path("settings/sessions/", views.sessions_close, name="sessions_close"),
]
