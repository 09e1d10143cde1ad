"""Every vendor we speak, found by its file: a module here with a `VENDOR` is a vendor."""

import importlib
import pkgutil
from collections.abc import Mapping

from models_registry.vendors.base import Vendor


def find_vendors() -> Mapping[str, Vendor]:
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found = [module.VENDOR for module in modules if hasattr(module, "VENDOR")]
    return {vendor.slug: vendor for vendor in sorted(found, key=lambda vendor: vendor.slug)}


VENDORS = find_vendors()
