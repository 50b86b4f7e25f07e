"""One machine, demo money: what `./exchange up` runs. Plain HTTP on the loopback address."""

from exchange_site.settings import env
from exchange_site.settings.base import *  # noqa: F403
from exchange_site.settings.base import HOME_DIR

# Everybody on one machine has the same address, so a limit for it would be one for all of them together.
RATE_LIMIT_ADDRESS_PER_MINUTE = env.integer("RATE_LIMIT_ADDRESS_PER_MINUTE", 1_200_000, 1, MOST_PER_MINUTE)
SOCKETS_PER_ADDRESS = env.integer("SOCKETS_PER_ADDRESS", 30_000)

# Nobody tries a wallet out for a day; on the page it says what production has.
WALLET_ADDRESS_HOLD_S = env.integer("WALLET_ADDRESS_HOLD_S", 20)
WALLET_FREEZE_S = env.integer("WALLET_FREEZE_S", 20)

STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR", False)  # So that the demo can be looked at at once.
STAFF_ONE_PERSON = env.flag("STAFF_ONE_PERSON", True)  # A demo has one operator.

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = HOME_DIR / "mail"
ACCOUNT_EMAIL_VERIFICATION = "none"  # Nobody reads mail on a laptop; production demands a confirmed address.
MFA_ALLOW_UNVERIFIED_EMAIL = True  # So nobody's address is, and without a second factor nobody could withdraw.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # An edited style sheet shows at the next reload.
STATIC_ROOT = None  # Nothing is collected here: files are served from where they lie.
