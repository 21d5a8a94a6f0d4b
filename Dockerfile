# The service for production: no compiler, no demo, no tests. Build: docker build -t telecare .
# The base is named by its version and Debian release, not by a digest: each build gets their security fixes. What we add
# ourselves is fixed by hashes.

FROM python:3.13-slim-trixie AS builder
WORKDIR /build
COPY requirements/build.lock requirements/runtime.lock requirements/
# The image's own pip installs into a virtual environment that needs none.
RUN python -m venv --without-pip /opt/telecare \
    && pip install --no-cache-dir --require-hashes -r requirements/build.lock \
    && pip --python /opt/telecare install --no-cache-dir --require-hashes -r requirements/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY telecare telecare
COPY devices devices
COPY alarms alarms
COPY migrations migrations
COPY simulators simulators
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/telecare install --no-deps dist/*.whl

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="telecare" \
      org.opencontainers.image.description="Telecare alarm and device fleet service" \
      org.opencontainers.image.licenses="Apache-2.0"
# pg_dump and pg_restore, for `telecare db backup` and `restore`: never older than the server.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin telecare \
    # The broker's account files: written by `telecare broker export`, read by Mosquitto's user (1883 in its image).
    && install -d -o 1883 -g 1883 -m 0700 /mosquitto/accounts
COPY --from=builder /opt/telecare /opt/telecare
# The file system may be read-only: the byte code was compiled by the installation.
ENV PATH=/opt/telecare/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TELECARE_HTTP_HOST=0.0.0.0 \
    TELECARE_HTTP_PORT=8080
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['TELECARE_HTTP_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["telecare"]
CMD ["serve"]
