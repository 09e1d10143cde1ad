"""The vendors as the guide tells of them, drawn from their specs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from inference.views.import_form import ImportForm
from inference.views.import_words import KINDS, in_language, vendor_name
from models_registry.vendors import VENDORS
from models_registry.vendors.base import OPERATIONS, KindSpec, Vendor

PLACE = "http://HOST:PORT/v1"  # of a vendor without an address of its own
AUTHS: Mapping[str, str] = {"bearer": "Authorization: Bearer KEY", "raw": "Authorization: KEY"}


class KindWords(NamedTuple):
    """`called` is the address the gateway calls, the vendor's default URL given."""

    label: str
    called: str
    model: str
    help: str
    fields: list[Any]


class VendorWords(NamedTuple):
    slug: str
    label: str
    help: str
    docs_url: str
    needs_key: bool
    auths: list[str]
    kinds: list[KindWords]


def vendor_words() -> list[VendorWords]:
    """In the order of the import form's cards."""
    return [words_of(vendor) for vendor in sorted(VENDORS.values(), key=lambda vendor: vendor.order)]


def words_of(vendor: Vendor) -> VendorWords:
    return VendorWords(
        slug=vendor.slug,
        label=vendor_name(vendor),
        help=in_language(vendor.help),
        docs_url=vendor.docs_url,
        needs_key=vendor.needs_key,
        auths=[AUTHS[auth] for auth in vendor.auths],
        kinds=[kind_words(vendor, kind, spec) for kind, spec in vendor.kinds.items()],
    )


def kind_words(vendor: Vendor, kind: str, spec: KindSpec) -> KindWords:
    return KindWords(
        label=KINDS[kind],
        called=spec.dialect.url(spec.default_url or PLACE, OPERATIONS[kind]),
        model=spec.example_model,
        help=in_language(spec.help),
        fields=[ImportForm.base_fields[name].label for name in vendor.fields(kind)],
    )
