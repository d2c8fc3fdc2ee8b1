FROM python:3.13-slim AS build
RUN python -m venv /opt/byline
WORKDIR /src
COPY requirements.txt .
RUN /opt/byline/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY migrations migrations
RUN /opt/byline/bin/pip install --no-cache-dir --no-deps . \
    && /opt/byline/bin/pip uninstall --yes pip

FROM python:3.13-slim
RUN useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin byline \
    && install --directory --owner=byline --group=byline /data
COPY --from=build /opt/byline /opt/byline
ENV PATH=/opt/byline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BYLINE_HOST=0.0.0.0 \
    BYLINE_DATA_DIR=/data
USER byline
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('BYLINE_PORT', 8000)}/healthz\", timeout=2)"]
CMD ["byline", "serve"]
