"""Loaded before Django's settings: the suite has a data folder of its own, no local models, and translations."""

import atexit
import os
import shutil
import tempfile

from console.messages import messages_compile

folder = tempfile.mkdtemp(prefix="model-console-tests-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ.update(
    DATA_DIR=folder,
    LOCAL_MODELS="0",
    LOG_LEVEL="WARNING",
    ALLOWED_PRIVATE_NETWORKS="127.0.0.0/8,::1/128",
)
messages_compile()
