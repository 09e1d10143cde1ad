from django.urls import path

from inference.views import catalogs, importing, model_actions, models, models_file, playground, tryouts

urlpatterns = [
    # --- 模型管理
    path("models/", models.models, name="models"),
    path("models/export.yaml", models.models_export, name="models_export"),
    path("models/export.csv", models.models_export_csv, name="models_export_csv"),
    path("models/bulk/", model_actions.bulk, name="models_bulk"),
    path("models/<int:model_id>/row/", models.model_row, name="model_row"),
    path("models/<int:model_id>/enable/", model_actions.enable, name="model_enable"),
    path("models/<int:model_id>/disable/", model_actions.disable, name="model_disable"),
    path("models/<int:model_id>/test/", model_actions.test, name="model_test"),
    path("models/<int:model_id>/delete/", model_actions.delete, name="model_delete"),
    # --- 导入模型
    path("models/import/", importing.model_import, name="model_import"),
    path("models/catalogs/", catalogs.model_catalogs, name="model_catalogs"),
    path("models/file/", models_file.models_file, name="models_file"),
    path("models/file/template.csv", models_file.models_template, name="models_template"),
    path("models/<int:model_id>/edit/", importing.model_edit, name="model_edit"),
    path("models/<int:model_id>/copy/", importing.model_copy, name="model_copy"),
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
    path("playground/embedding/", tryouts.tryouts, {"kind": "embedding"}, name="playground_embedding"),
    path("playground/rerank/", tryouts.tryouts, {"kind": "rerank"}, name="playground_rerank"),
    path("playground/ocr/", tryouts.tryouts, {"kind": "ocr"}, name="playground_ocr"),
    path("playground/<str:kind>/<int:pk>/", tryouts.tryout, name="playground_tryout"),
    path("playground/<str:kind>/<int:pk>/result/", tryouts.result, name="playground_tryout_result"),
    path("playground/<str:kind>/code/", tryouts.code, name="playground_tryout_code"),
]
