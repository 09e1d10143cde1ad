from django.urls import path

from inference.views import importing, models, playground

urlpatterns = [
    # --- 模型管理
    path("models/", models.models, name="models"),
    # --- 导入模型
    path("models/import/", importing.model_import, name="model_import"),
    path("models/<int:model_id>/edit/", importing.model_edit, name="model_edit"),
    # --- 体验中心
    path("playground/", playground.playground, name="playground"),
]
