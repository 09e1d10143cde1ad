FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
# In place: templates and static files are found beside the code, and served compressed by whitenoise.
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . && /venv/bin/python -m console.messages

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=console.settings \
    DATA_DIR=/data LOCAL_MODELS=0 HOST=0.0.0.0 PORT=8000
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin console \
    && install -d -o console -g console /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER console
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
# Alone it is the whole server on SQLite in /data; docker-compose.yml runs the parts as services of their own.
CMD ["python", "manage.py", "up"]
