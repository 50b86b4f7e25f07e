"""One machine, demo money: what `./exchange up` runs. Plain HTTP on the loopback address."""

from exchange_site.settings.base import *  # noqa: F403
from exchange_site.settings.base import HOME_DIR

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = HOME_DIR / "mail"
ACCOUNT_EMAIL_VERIFICATION = "none"  # Nobody reads mail on a laptop; production demands a confirmed address.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # An edited style sheet shows at the next reload.
STATIC_ROOT = None  # Nothing is collected here: files are served from where they lie.
