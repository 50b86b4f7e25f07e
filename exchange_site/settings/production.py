"""Behind nginx with TLS: fails loudly when something that protects money is missing."""

from exchange_site.settings import env
from exchange_site.settings.base import *  # noqa: F403
from exchange_site.settings.base import DEMO_MODE

DEBUG = False
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS")
SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", True)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "exchange@localhost")
ACCOUNT_EMAIL_VERIFICATION = "none" if DEMO_MODE else "mandatory"
MFA_ALLOW_UNVERIFIED_EMAIL = DEMO_MODE  # Where addresses are not confirmed, a second factor must still be possible.
ENGINE_CRASH_AT = ""
WALLET_CRASH_AT = ""
ENGINE_ALLOW_VOLATILE_REDIS = False
DATABASE_ALLOW_VOLATILE = False
