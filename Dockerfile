# CPU image. Weights, voices and saved audio live in volumes; the server runs as an ordinary user.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv

COPY requirements.txt ./
RUN pip install "$(grep '^torch==' requirements.txt)" \
        --index-url https://download.pytorch.org/whl/cpu \
    && pip install -r requirements.txt
# For a cluster (docs/scaling.md): docker build --build-arg RAY=2.60.0
ARG RAY=
RUN test -z "$RAY" || pip install "ray[serve]==$RAY"

RUN useradd --create-home --uid 1000 speech \
    && mkdir -p models/voices voice \
    && chown -R speech:speech /srv
COPY --chown=speech:speech server.py ./
COPY --chown=speech:speech app ./app
COPY --chown=speech:speech benchmarks ./benchmarks

USER speech
VOLUME ["/srv/models", "/srv/voice"]
EXPOSE 8000
# Ready, not just alive; the first start may have to download the weights.
HEALTHCHECK --interval=30s --timeout=5s --start-period=300s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", \"8000\")}/ready', timeout=4)"]
# uvicorn finishes running requests after SIGTERM for SHUTDOWN_GRACE_SECONDS.
STOPSIGNAL SIGTERM
CMD ["python", "server.py"]
