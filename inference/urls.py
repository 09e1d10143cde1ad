from django.urls import path

from inference.views import importing, models, playground

urlpatterns = [
    # --- 模型管理
    path("models/", models.models, name="models"),
    # --- 导入模型
    path("models/import/", importing.model_import, name="model_import"),
    # --- 体验中心
    path("playground/", playground.playground, name="playground"),
    path("playground/<int:pk>/", playground.playground, name="playground_conversation"),
    path("playground/turns/", playground.turn_send, name="playground_send"),
    path("playground/stop/", playground.conversation_stop, name="playground_stop"),
    path("playground/streams/<str:stream_id>/", playground.stream, name="playground_stream"),
    path("playground/answers/<int:pk>/", playground.answer, name="playground_answer"),
    path("playground/answers/<int:pk>/stop/", playground.answer_stop, name="playground_answer_stop"),
    path("playground/history/", playground.history, name="playground_history"),
    path("playground/<int:pk>/rename/", playground.rename, name="playground_rename"),
    path("playground/<int:pk>/delete/", playground.delete, name="playground_delete"),
    path("playground/code/", playground.code, name="playground_code"),
    path("playground/estimate/", playground.estimate, name="playground_estimate"),
]
