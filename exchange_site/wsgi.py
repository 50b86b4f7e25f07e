"""Pages, admin and DRF. Served inside the ASGI application by a shared thread pool (see `asgi`)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange_site.settings.local")
application = get_wsgi_application()
