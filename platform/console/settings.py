"""Settings come from the environment alone; each may also be read from a file named by NAME_FILE."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from environs import FileAwareEnv, ValidationError, validate

from console.database import database_config
from console.local_secrets import kept_secret, new_field_key, new_secret_key

env = FileAwareEnv()

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / ".data"))).absolute()
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000)
DEBUG = env.bool("DEBUG", False)

# --- secrets -------------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", "") or kept_secret(DATA_DIR / "secrets" / "secret_key", new_secret_key)
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", []) or [
    kept_secret(DATA_DIR / "secrets" / "field_encryption_key", new_field_key)
]
PUBLIC_URL = env.str("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]  # always: health checks call them
ALLOWED_HOSTS = [*LOOPBACK_HOSTS, *env.list("ALLOWED_HOSTS", [urlsplit(PUBLIC_URL).hostname or ""])]
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [PUBLIC_URL])

# --- apps ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "lucide",
    "ninja",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "accounts",
    "models_registry",
    "billing",
    "inference",
    "simulator",
    "console",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "console.static_files.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.middleware.ContentSecurityPolicyMiddleware",
]
ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"
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
                "console.context.frame",
            ]
        },
    }
]

# --- data ----------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", "") or f"sqlite:///{DATA_DIR / 'console.sqlite3'}"
EMBEDDED = DATABASE_URL.startswith("sqlite:")
DATABASES: dict[str, dict[str, Any]] = {"default": database_config(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL},
    "usage": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "usage"},
}
if not REDIS_URL:  # apart, or days of usage would push out what is counted of failed sign-ins
    memory = "django.core.cache.backends.locmem.LocMemCache"
    CACHES = {
        "default": {"BACKEND": memory, "LOCATION": "default", "OPTIONS": {"MAX_ENTRIES": 100_000}},
        "usage": {"BACKEND": memory, "LOCATION": "usage", "OPTIONS": {"MAX_ENTRIES": 20_000}},
    }

# --- people --------------------------------------------------------------------------------------
# How many proxies stand before this server: the caller's address is then the one the outermost of them saw.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"accounts.passwords.{name}"} for name in ("LongEnough", "NotCommon", "NotLikeTheUser")
]
ACCOUNT_ADAPTER = "console.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_FORMS = {
    "login": "accounts.signing.LoginForm",
    "signup": "accounts.signing.SignupForm",
    "add_email": "accounts.signing.AddEmailForm",
    "change_password": "accounts.signing.ChangePasswordForm",
    "set_password": "accounts.signing.SetPasswordForm",
    "reauthenticate": "accounts.signing.ReauthenticateForm",
    "reset_password": "accounts.signing.ResetPasswordForm",
    "reset_password_from_key": "accounts.signing.ResetPasswordKeyForm",
}
ACCOUNT_SESSION_REMEMBER = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ADMIN_USERNAME = env.str("ADMIN_USERNAME", "admin")
ADMIN_PASSWORD = env.str("ADMIN_PASSWORD", "")
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", True)
EMAIL_BACKEND = env.str("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")

# --- money ---------------------------------------------------------------------------------------
TRIAL_CREDIT_YUAN = env.decimal("TRIAL_CREDIT_YUAN", Decimal(40))
HOLD_DEADLINE_S = env.int("HOLD_DEADLINE_S", 900)

# --- upstreams -----------------------------------------------------------------------------------
LOCAL_MODELS = env.bool("LOCAL_MODELS", True)
SIMULATOR_PORT = env.int("SIMULATOR_PORT", 0)  # 0: none is started
LOOPBACK = ["127.0.0.0/8", "::1/128"]  # where the local models live
ALLOWED_PRIVATE_NETWORKS = env.list("ALLOWED_PRIVATE_NETWORKS", LOOPBACK if EMBEDDED or LOCAL_MODELS else [])
UPSTREAM_CONNECT_TIMEOUT_S = env.float("UPSTREAM_CONNECT_TIMEOUT_S", 5)
UPSTREAM_FIRST_BYTE_TIMEOUT_S = env.float("UPSTREAM_FIRST_BYTE_TIMEOUT_S", 60)
UPSTREAM_IDLE_TIMEOUT_S = env.float("UPSTREAM_IDLE_TIMEOUT_S", 60)
UPSTREAM_TOTAL_TIMEOUT_S = env.float("UPSTREAM_TOTAL_TIMEOUT_S", 600)
STREAM_KEEPALIVE_S = env.float("STREAM_KEEPALIVE_S", 15)
PROBE_INTERVAL_S = env.float("PROBE_INTERVAL_S", 60)
MAX_BODY_MB = env.float("MAX_BODY_MB", 20)
# Pictures to be tried stay in memory: they are never written anywhere, and what is larger is not taken.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = int(MAX_BODY_MB * 1024 * 1024)
DRAIN_TIMEOUT_S = env.float("DRAIN_TIMEOUT_S", 30)
WEB_WORKERS = env.int("WEB_WORKERS", 1)

# --- celery (read by console.celery) ---------------------------------------------------------------
BROKER_DIR = DATA_DIR / "broker"

# --- pages ---------------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"  # the language the pages are written in; locale/ has the others
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True


def known_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"{name!r} is no time zone, such as Asia/Shanghai")


TIME_ZONE = env.str("TIME_ZONE", "Asia/Shanghai", validate=known_zone)
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", "") or None  # where collectstatic puts them; unset, the finders serve them
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# --- safety --------------------------------------------------------------------------------------
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
if PUBLIC_URL.startswith("https://"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {"httpx": {"level": "WARNING"}},  # else a line for every probe
}
