"""Every page there is, once: what is photographed, opened wide and narrow, and looked at for accessibility."""

from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Page:
    """`name` is the URL's; `who` opens it: a visitor, a developer or an admin."""

    name: str
    path: str
    who: str = "developer"


PAGES = (
    Page("account_login", "/accounts/login/", "visitor"),
    Page("account_signup", "/accounts/signup/", "visitor"),
    Page("overview", "/"),
    Page("catalogue", "/catalogue/"),
    Page("compare", "/compare/"),
    Page("playground", "/playground/"),
    Page("playground_embedding", "/playground/embedding/"),
    Page("playground_rerank", "/playground/rerank/"),
    Page("playground_ocr", "/playground/ocr/"),
    Page("keys", "/keys/"),
    Page("key_new", "/keys/new/"),
    Page("usage", "/usage/"),
    Page("billing", "/billing/"),
    Page("guide", "/guide/"),
    Page("settings", "/settings/"),
    Page("models", "/models/", "admin"),
    Page("model_import", "/models/import/", "admin"),
    Page("model_catalogs", "/models/catalogs/", "admin"),
    Page("models_file", "/models/file/", "admin"),
    Page("ledger", "/ledger/", "admin"),
    Page("styleguide", "/styleguide/", "admin"),
)
# Addresses that are no pages of their own: parts of pages, what only answers to a form, and what machines read.
NO_PAGES = {
    *("palette", "preferences", "healthz", "readyz", "metrics", "models_bulk", "models_export", "usage_export"),
    *("models_export_csv", "models_template"),
    *("workspace_name", "sessions_close", "ledger_check"),
    *(f"playground_{part}" for part in ("send", "stop", "history", "code", "estimate", "pictures", "parameters")),
}
# django-allauth's own pages. Those a console without e-mail and second factors never links to stay as they are.
ALLAUTH = {
    *(
        "account_logout",
        "account_inactive",
        "account_email",
        "account_confirm_email",
        "account_email_verification_sent",
    ),
    *("account_change_password", "account_set_password", "account_reauthenticate", "account_confirm_login_code"),
    *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key_done"),
    *("account_request_login_code", "account_signup_by_passkey"),
}


def pages_routed() -> dict[str, str]:
    """Name → path of every route that takes no argument, the APIs' left out."""
    found: dict[str, str] = {}

    def walk(resolver: URLResolver, head: str) -> None:
        for one in resolver.url_patterns:
            route = f"{head}{one.pattern}"
            if isinstance(one, URLResolver):
                walk(one, route)
            elif isinstance(one, URLPattern) and one.name and "<" not in route and not route.startswith("api/"):
                found[one.name] = f"/{route}"

    walk(get_resolver(), "")
    return found
