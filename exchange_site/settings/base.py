"""What every installation shares. `local`, `test` and `production` add what differs."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.templatetags.static import static

from exchange_site.settings import env
from exchange_site.settings.market_maker import MARKET_MAKER  # noqa: F401 - a setting of its own module.
from exchange_site.settings.schedule import BEAT_SCHEDULE

BASE_DIR = Path(__file__).resolve().parents[2]
HOME_DIR = Path(env.text("EXCHANGE_HOME", str(BASE_DIR / ".home")))  # Data, logs and pid files of one installation.
JOURNAL_DIR = Path(env.text("EXCHANGE_JOURNAL_DIR", str(HOME_DIR / "journal")))
SNAPSHOT_DIR = Path(env.text("EXCHANGE_SNAPSHOT_DIR", str(HOME_DIR / "snapshots")))

SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
DEBUG = False
SITE_NAME = env.text("SITE_NAME", "Exchange")
DEMO_MODE = env.flag("EXCHANGE_DEMO", False)  # Faucet, demo logins and play money. Never beside real custody.
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
PUBLIC_URL = env.text("EXCHANGE_PUBLIC_URL", f"http://127.0.0.1:{env.integer('EXCHANGE_PORT', 8000)}")
PROBE_URL = env.text(
    "EXCHANGE_PROBE_URL", f"{PUBLIC_URL}/api/v1/ping"
)  # What the status page's latency is measured on.
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS", PUBLIC_URL)
WEBSOCKET_ORIGINS = env.items("WEBSOCKET_ORIGINS", "")  # Besides the page's own host.

REDIS_LOG_URL = env.text("REDIS_LOG_URL")
REDIS_FAN_URL = env.text("REDIS_FAN_URL")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_celery_beat",
    "hijack",
    "exchange_site",
    "matching",
    "marketdata",
    "accounts",
    "trading",
]

MIDDLEWARE = [
    "exchange_site.request_context.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "exchange_site.reader.ReaderMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.site.sessions.LastSeenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "hijack.middleware.HijackUserMiddleware",
    "exchange_site.ops.staff_access.StaffAccess",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "exchange_site.urls"
WSGI_APPLICATION = "exchange_site.wsgi.application"
ASGI_APPLICATION = "exchange_site.asgi.application"
APPEND_SLASH = False  # A redirect would break signed requests; every path is spelled one way.

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "exchange_site.context.site",
            ],
            "builtins": ["django.templatetags.i18n"],
        },
    },
]

DATABASES = {
    "default": {
        **env.database("DATABASE_URL"),
        "OPTIONS": {"application_name": env.text("EXCHANGE_PROCESS", "manage")},  # So that pg_stat_activity names us.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ------------------------------------------------------------------------------------------------------- accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
CSRF_FAILURE_VIEW = "exchange_site.pages.forbidden"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "markets"
ACCOUNT_LOGOUT_REDIRECT_URL = "markets"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = SITE_NAME

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_SAMESITE = "Lax"

# ---------------------------------------------------------------------------------------------------------- pages
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
STYLEGUIDE = env.flag("EXCHANGE_STYLEGUIDE", DEMO_MODE)  # `/styleguide`: every component in every state.
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["exchange_site.formats"]
STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"
# The chart library is installed by npm from a lock file, never committed and never fetched from a CDN.
STATICFILES_DIRS = [
    BASE_DIR / "static",
    *(
        [("vendor/lightweight-charts", BASE_DIR / "node_modules/lightweight-charts/dist")]
        if (BASE_DIR / "node_modules/lightweight-charts/dist").is_dir()
        else []
    ),
]

STATICFILES_FINDERS = [
    "exchange_site.static_files.LightFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STATIC_LIGHT_DIR = HOME_DIR / "static"  # Style sheets and scripts without comments and blanks, made from the sources.

CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/"],  # The admin theme (Alpine) needs inline script and eval.
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# ------------------------------------------------------------------------------------------------------------ API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.SessionOrKey"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["exchange_site.api_errors.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["exchange_site.api_errors.ExactJSONRenderer"],
    "EXCEPTION_HANDLER": "exchange_site.api_errors.as_api_error",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "exchange_site.openapi.schema.OurSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Exchange API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.0.3",
    "POSTPROCESSING_HOOKS": ["exchange_site.openapi.schema.add_components"],
    "SCHEMA_PATH_PREFIX": "",
}
# Units of weight a minute (`kernel.weights`; most requests weigh one), and new WebSockets in five minutes.
MOST_PER_MINUTE = 60_000_000  # What the counters in Redis can express.
RATE_LIMIT_ACCOUNT_PER_MINUTE = env.integer("RATE_LIMIT_ACCOUNT_PER_MINUTE", 6_000, 1, MOST_PER_MINUTE)
RATE_LIMIT_ADDRESS_PER_MINUTE = env.integer("RATE_LIMIT_ADDRESS_PER_MINUTE", 12_000, 1, MOST_PER_MINUTE)
SOCKETS_PER_ADDRESS = env.integer("SOCKETS_PER_ADDRESS", 300)
TRUSTED_PROXIES = env.items("TRUSTED_PROXIES", "")  # Addresses and networks whose X-Forwarded-* headers are believed.
API_FAST_LANE = env.flag("API_FAST_LANE", True)  # Without it Django answers everything: the same, ten times slower.
API_REPLY_TIMEOUT_S = 5
API_MAX_BODY_BYTES = 64 * 1024

# ------------------------------------------------------------------------------------------------ Redis-backed parts
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_FAN_URL]},
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_FAN_URL}}

CELERY_BROKER_URL = REDIS_FAN_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_LOG_FORMAT = CELERY_WORKER_TASK_LOG_FORMAT = "%(levelname)s %(name)s %(message)s"  # As ours below.
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE  # The table is in settings/schedule.py.

# ---------------------------------------------------------------------------------------------------------- admin
ACCENT = {  # The colour of `you` in static/css/tokens.css, lighter and darker.
    "50": "#f2f4fe", "100": "#e6e9fc", "200": "#cfd6fa", "300": "#c3cdfb", "400": "#a3b3ff", "500": "#7d90f5",
    "600": "#3a49c8", "700": "#303da6", "800": "#2a3583", "900": "#252e66", "950": "#1d2340",
}  # fmt: skip
UNFOLD = {
    "SITE_TITLE": f"{SITE_NAME} administration",
    "SITE_HEADER": SITE_NAME,
    "SITE_SYMBOL": "candlestick_chart",
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "exchange_site.ops.dashboard.callback",
    "SITE_SUBHEADER": "Administration, all times UTC",
    "SIDEBAR": {"navigation": "exchange_site.ops.navigation.groups"},
    "COLORS": {"primary": ACCENT},
    "STYLES": [lambda _: static("css/components/ops_state.css")],
    "SCRIPTS": [lambda _: static("js/admin/live.js")],
}

# Whether one member of staff may do alone what otherwise takes two: reopening what was stopped (docs/runbook.md).
STAFF_ONE_PERSON = env.flag("STAFF_ONE_PERSON", False)

STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR", True)  # Nobody gets into the admin without one.
SECOND_FACTOR_RESET_S = env.integer("SECOND_FACTOR_RESET_S", 86_400)  # From the mail until it takes effect.
STAFF_IDLE_S = env.integer("STAFF_IDLE_S", 15 * 60)  # Without a click for so long, staff logs in again,
STAFF_SESSION_S = env.integer("STAFF_SESSION_S", 12 * 60 * 60)  # and after so long in any case.
STAFF_HOSTS = env.items("STAFF_HOSTS", "")  # Host names the admin answers to; empty: all.
STAFF_NETWORKS = env.items("STAFF_NETWORKS", "")  # Addresses and networks it answers to; empty: all.
HIJACK_PERMISSION_CHECK = "exchange_site.ops.looking.may_look"
AUDIT_HEADS_FILE = env.text("AUDIT_HEADS_FILE", str(HOME_DIR / "audit" / "heads.txt"))  # `manage.py audit`

# --------------------------------------------------------------------------------------------------------- engine
ENGINE_LEASE_MS = 3_000
ENGINE_MAX_BACKLOG = 15_000  # Commands admitted and not yet processed: half a second. Orders are shed at 80 % of it.
ENGINE_SNAPSHOT_EVERY_COMMANDS = env.integer("ENGINE_SNAPSHOT_EVERY_COMMANDS", 250_000, at_least=1_000)
ENGINE_SNAPSHOT_EVERY_S = env.integer("ENGINE_SNAPSHOT_EVERY_S", 60, at_least=1)
ENGINE_SEGMENT_BYTES = env.integer("ENGINE_SEGMENT_BYTES", 64 * 1024 * 1024)  # Room reserved for a journal segment.
ENGINE_UNWRITTEN_CANCEL_ONLY = 1_000_000  # Outcomes the database may be behind before new orders are refused,
ENGINE_UNWRITTEN_FOR_S = 300  # or for how long it may stand still,
ENGINE_UNWRITTEN_CLOSED = 2_000_000  # and behind which nothing is let in any more (about 0.6 GB in Redis).
ENGINE_CRASH_AT = env.text("ENGINE_CRASH_AT", "")  # Tests of kill -9 only: POINT or POINT:COUNT.
ENGINE_ALLOW_VOLATILE_REDIS = env.flag("ENGINE_ALLOW_VOLATILE_REDIS", False)  # Tests on a Redis without persistence.
DATABASE_ALLOW_VOLATILE = env.flag("DATABASE_ALLOW_VOLATILE", False)  # Tests on a PostgreSQL with fsync=off.

# --------------------------------------------------------------------------------------------------------- wallet
# Which adapter serves a blockchain (docs/wallet.md): simulated, or bitcoin_core where a node is given.
WALLET_BITCOIN_RPC_URL = env.text("WALLET_BITCOIN_RPC_URL", "")  # http://user:password@host:port, watching wallet.
WALLET_BITCOIN_RPC_WALLET = env.text("WALLET_BITCOIN_RPC_WALLET", "watching")
WALLET_BITCOIN_RPC_COLD_WALLET = env.text("WALLET_BITCOIN_RPC_COLD_WALLET", "")  # Watched only; empty: there is none.
WALLET_BITCOIN_NETWORK = env.text("WALLET_BITCOIN_NETWORK", "main")  # main, test, signet or regtest.
WALLET_CHAINS = {
    "Solana": "simulated",
    "Ethereum": "simulated",
    "Bitcoin": "bitcoin_core" if WALLET_BITCOIN_RPC_URL else "simulated",
}
WALLET_ADDRESS_HOLD_S = env.integer("WALLET_ADDRESS_HOLD_S", 86_400)  # Before money goes to a new address.
WALLET_FREEZE_S = env.integer("WALLET_FREEZE_S", 86_400)  # After a password or second factor changed.
WALLET_MAIL_VALID_S = 3_600  # How long the link in a withdrawal's mail works.
WALLET_DAILY_VALUE_CENTS = env.integer("WALLET_DAILY_VALUE_CENTS", 20_000_000)  # Per account in 24 hours.
WALLET_HOURLY_WITHDRAWALS = env.integer("WALLET_HOURLY_WITHDRAWALS", 10)  # More are looked at by an operator first.
WALLET_SIMULATED_BLOCKS = DEMO_MODE  # Simulated chains find blocks by themselves while somebody waits for one.
WALLET_DRAINS_HERE = DATABASES["default"]["USER"] != "exchange_web"  # A role that may not write the wallet's ledger.
WALLET_WAKE_TASKS = True  # Tell Celery at once; false: its sweepers find everything a few seconds later.
WALLET_CRASH_AT = env.text("WALLET_CRASH_AT", "")  # Tests of kill -9 only: a point of accounts.wallet.crash.
# The signer's own; no other process gets it. Without it nothing can be signed.
SIGNER_DIR = env.text("SIGNER_DIR", "")
SIGNER_DATABASE_URL = env.text("SIGNER_DATABASE_URL", "")  # For `signer_role`; the signer has it as DATABASE_URL.
SIGNER_BITCOIN_RPC_URL = env.text("SIGNER_BITCOIN_RPC_URL", "")
SIGNER_BITCOIN_RPC_WALLET = env.text("SIGNER_BITCOIN_RPC_WALLET", "paying")
SIGNER_DAILY_VALUE_CENTS = env.integer("SIGNER_DAILY_VALUE_CENTS", 100_000_000)  # All accounts together in 24 hours.

# For `app_role`: what web processes, the db writer and all others but the signer then have as DATABASE_URL.
WEB_DATABASE_URL = env.text("WEB_DATABASE_URL", "")
WRITER_DATABASE_URL = env.text("WRITER_DATABASE_URL", "")
APP_DATABASE_URL = env.text("APP_DATABASE_URL", "")
RECONCILE_STOPS_TRADING = env.flag("RECONCILE_STOPS_TRADING", False)  # Money that does not add up stops the venue too.

# --------------------------------------------------------------------------------------- proofs, exports, archives
LIABILITY_PATHS_KEPT_DAYS = env.integer("LIABILITY_PATHS_KEPT_DAYS", 90)  # Roots and totals stay for ever.
EXPORTS_AT_ONCE = env.integer("EXPORTS_AT_ONCE", 3)  # Files a web process streams; each holds one of its ten threads.
EXPORT_MAX_S = env.integer("EXPORT_MAX_S", 600)  # Then a file is cut off.
TAKEOUT_EVERY_S = env.integer("TAKEOUT_EVERY_S", 3_600)  # Between two archives of an account.
TAKEOUT_KEPT_DAYS = env.integer("TAKEOUT_KEPT_DAYS", 7)
TAKEOUT_GIVEN_UP_S = 3_600  # One that is not made by then has failed.
TAKEOUT_MAX_BYTES = 1024**3
HISTORY_PAGE_MS = 5_000  # What a query of a history page may take.

# ------------------------------------------------------------------------------------------------------------ backups
# For `backup` and `restore` with s3://bucket/prefix. Without an endpoint it is Amazon's.
BACKUP_S3_ENDPOINT = env.text("BACKUP_S3_ENDPOINT", "")
BACKUP_S3_REGION = env.text("BACKUP_S3_REGION", "us-east-1")
BACKUP_S3_ACCESS_KEY = env.text("BACKUP_S3_ACCESS_KEY", "")
BACKUP_S3_SECRET_KEY = env.text("BACKUP_S3_SECRET_KEY", "")

# -------------------------------------------------------------------------------------------------- looking inside
METRICS_PORT = env.integer("METRICS_PORT", 0)  # Of this process; the launcher gives each its own. 0: none.
METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
METRICS_TOKEN = env.text("METRICS_TOKEN", "")  # Opens /metrics of the web process to whoever sends it. Empty: closed.

# What leaves for tools outside, each only where it is set (docs/runbook.md, Errors and traces).
SENTRY_DSN = env.text("SENTRY_DSN", "")
SENTRY_ENVIRONMENT = env.text("SENTRY_ENVIRONMENT", "demo" if DEMO_MODE else "production")
OTEL_EXPORTER_OTLP_ENDPOINT = env.text("OTEL_EXPORTER_OTLP_ENDPOINT", "")  # http://collector:4318
OTEL_EXPORTER_OTLP_HEADERS = env.items("OTEL_EXPORTER_OTLP_HEADERS", "")  # name=value, for example a token.
TRACES_ONE_IN = env.integer("TRACES_ONE_IN", 100)  # Of so many requests one has a trace.

READY_MAX_LAG_OUTCOMES = env.integer("READY_MAX_LAG_OUTCOMES", 500_000)  # Further behind, /readyz says no.
PROCESS_NAME = env.text("EXCHANGE_PROCESS", "manage")  # In log lines.
LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOG_FORMAT = env.text("LOG_FORMAT", "text")  # Or json: one object a line, for programs.
LOG_ORDERS_ONE_IN = env.integer("LOG_ORDERS_ONE_IN", 0)  # Of every so many orders each process logs its part; 0: none.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "exchange_site.kernel.jsonlog.LineFormatter"},
        "json": {"()": "exchange_site.kernel.jsonlog.JsonFormatter", "process": PROCESS_NAME},
    },
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stdout"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # Anybody can send one; a traceback each is noise.
        "httpx": {"level": "WARNING"},
    },
}
