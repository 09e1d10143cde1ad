"""The import form: drawn from a vendor's spec, checked in the reader's language, handed on as a ModelDocument."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError as DocumentInvalid

from inference.probing.report import Draft
from inference.views.import_fields import CountField, YuanField, plain_yuan
from models_registry.certificates import CERTIFICATES_CHARS_MAX, certificates_checked
from models_registry.documents import HEADER_TEXT, UNITS, EndpointDocument, ModelDocument
from models_registry.importing.drafts import model_of_draft
from models_registry.importing.url_doctor import origin
from models_registry.models import Endpoint, Model, Price
from models_registry.secret import SecretUnreadable
from models_registry.vendors import VENDORS
from models_registry.vendors.base import KindSpec, Vendor

CARDS = tuple(sorted(VENDORS.values(), key=lambda vendor: (vendor.order, vendor.slug)))
NAME_FORBIDDEN = set("?#")
LIMITS = ("rpm", "tpm", "concurrency")
ENDPOINT_FIELDS = (
    *("vendor", "inference_url", "auth", "thinking", "parameter_profile"),
    *("ca_certificates", "priority", "weight"),
)
PRICES = {
    "per_m_tokens": ("input", "output"),
    "per_1k_tokens": ("per_1k_tokens",),
    "per_call": ("per_call",),
    "per_page": ("per_page",),
    "free": (),
}
AUTHS = [("bearer", _("Bearer 密钥")), ("raw", _("裸密钥（云网 AI+）"))]
THINKINGS = [("leave", _("原样返回")), ("lift", _("从 <think> 提取到 reasoning_content"))]
PROFILES = [("none", _("不校验")), ("qwen", _("通义千问的取值范围与规则"))]


@dataclass(frozen=True)
class Shape:
    """Which fields there are: a vendor, one of its kinds, a unit of its price."""

    vendor: Vendor
    kind: str
    unit: str

    @property
    def spec(self) -> KindSpec:
        return self.vendor.kinds[self.kind]

    @property
    def fields(self) -> tuple[str, ...]:
        return ("name", *self.vendor.fields(self.kind), "priority", "weight", "ca_certificates", *self.prices, *LIMITS)

    @property
    def prices(self) -> tuple[str, ...]:
        """Embeddings and rerank have no output to be priced."""
        prices = PRICES[self.unit]
        return prices if self.kind == "llm" else prices[:1]


def shape_of(data: Mapping[str, Any], kind_fixed: str = "") -> Shape:
    """What was chosen; what the vendor lacks falls back to what it has."""
    vendor = VENDORS.get(str(data.get("vendor", "")), CARDS[0])
    if kind_fixed and kind_fixed not in vendor.kinds:
        vendor = next(card for card in CARDS if kind_fixed in card.kinds)
    kind = kind_fixed or str(data.get("kind", ""))
    kind = kind if kind in vendor.kinds else next(iter(vendor.kinds))
    unit = str(data.get("unit", ""))
    return Shape(vendor, kind, unit if unit in UNITS[kind] else UNITS[kind][0])


class ImportForm(forms.Form):
    """`endpoint` is the saved one that is edited; its key is kept where none is typed and the host stays."""

    use_required_attribute = False

    name = forms.CharField(label=_("对外名称"), max_length=200)
    upstream_model = forms.CharField(label=_("上游模型名"), max_length=200)
    inference_url = forms.CharField(label=_("推理 URL"), max_length=2000)
    api_key = forms.CharField(label="API Key", max_length=4000, required=False)
    auth = forms.ChoiceField(label=_("认证方式"), choices=AUTHS, required=False)
    context_length = CountField(label=_("上下文长度"), kilo=1024)
    max_output_tokens = CountField(label=_("最大输出"), kilo=1024)
    stream_only = forms.BooleanField(label=_("上游仅支持流式"), required=False)
    thinking = forms.ChoiceField(label=_("思考过程"), choices=THINKINGS, required=False)
    parameter_profile = forms.ChoiceField(label=_("参数校验"), choices=PROFILES, required=False)
    priority = forms.IntegerField(label=_("优先级"), min_value=-1000, max_value=1000, required=False)
    weight = forms.IntegerField(label=_("权重"), min_value=1, max_value=1000, required=False)
    ca_certificates = forms.CharField(
        label=_("CA 证书"), max_length=CERTIFICATES_CHARS_MAX, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    input = YuanField(label=_("输入价"), max_length=40)
    output = YuanField(label=_("输出价"), max_length=40)
    per_1k_tokens = YuanField(label=_("单价"), max_length=40)
    per_call = YuanField(label=_("单价"), max_length=40)
    per_page = YuanField(label=_("单价"), max_length=40)
    rpm = CountField(label="RPM")
    tpm = CountField(label="TPM")
    concurrency = CountField(label=_("并发"))

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        shape: Shape,
        model: Model | None = None,
        endpoint: Endpoint | None = None,
        needs_price: bool = True,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.shape, self.model, self.endpoint = shape, model, endpoint
        for name in set(self.fields) - set(shape.fields):
            del self.fields[name]
        if model:
            del self.fields["name"]
        self.draw(needs_price=needs_price or self.any_price())

    # --- drawing ------------------------------------------------------------------------------------
    def draw(self, *, needs_price: bool) -> None:
        """What the spec says of single fields."""
        fields, spec = self.fields, self.shape.spec
        for field in fields.values():
            field.widget.attrs.update(autocomplete="off", spellcheck="false")
            field.error_messages["required"] = _("填写%(label)s") % {"label": field.label}
        fields["upstream_model"].required = spec.names_model
        fields["upstream_model"].widget.attrs["placeholder"] = spec.example_model
        fields["inference_url"].widget.attrs["placeholder"] = spec.default_url or "https://example.com/v1"
        fields["inference_url"].widget.input_type = "text"
        fields["api_key"].required = self.shape.vendor.needs_key and not self.has_key
        fields["api_key"].error_messages["required"] = _("填写 API Key")
        fields["api_key"].widget = forms.PasswordInput(
            attrs={"autocomplete": "new-password", "spellcheck": "false", "placeholder": self.key_masked}
        )
        for name in self.shape.prices:
            fields[name].required = needs_price
            fields[name].error_messages["required"] = _("填写%(label)s，或选免费") % {"label": fields[name].label}
        for name in (*LIMITS, *self.shape.prices):
            fields[name].widget.attrs["inputmode"] = "decimal"
        for name in LIMITS:
            fields[name].widget.attrs["placeholder"] = _("不限")

    def any_price(self) -> bool:
        """Half a price is a mistake, also in a model that stays off."""
        return any(str(self.data.get(name, "")).strip() for name in self.shape.prices)

    @property
    def has_key(self) -> bool:
        return bool(saved_key(self.endpoint))

    @property
    def key_masked(self) -> str:
        return key_masked(saved_key(self.endpoint))

    # --- checking -----------------------------------------------------------------------------------
    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if any(letter.isspace() or letter in NAME_FORBIDDEN or ord(letter) < 32 for letter in name):
            raise ValidationError(_("名称里不能有空格、? 和 #"), code="invalid")
        sent_before = model_of_draft(name=name, draft=str(self.data.get("draft", "")))
        if not sent_before and Model.objects.filter(name=name).exists():
            raise ValidationError(_("名称已被占用，换一个名称，或到模型管理中编辑已有的模型"), code="taken")
        return name

    def clean_inference_url(self) -> str:
        url: str = self.cleaned_data["inference_url"].strip()
        try:
            EndpointDocument(vendor=self.shape.vendor.slug, inference_url=url)
        except DocumentInvalid as error:
            words = _("不是可用的 http(s) 地址，参考 %(example)s")
            example = self.shape.spec.default_url or "https://example.com/v1"
            raise ValidationError(words % {"example": example}, code="invalid") from error
        return url

    def clean_ca_certificates(self) -> str:
        try:
            return certificates_checked(self.cleaned_data["ca_certificates"])
        except ValueError as error:
            words = _("只粘贴 PEM 证书：从 BEGIN CERTIFICATE 到 END CERTIFICATE，可以有多份，不要带私钥")
            raise ValidationError(words, code="invalid") from error

    def clean_api_key(self) -> str:
        return key_typed(self.cleaned_data["api_key"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        well_typed = not self.has_error("api_key") and not self.has_error("inference_url")
        if well_typed and self.shape.vendor.needs_key and not self.effective_key():
            self.add_error("api_key", ValidationError(_("主机变了，重新填写密钥：已保存的密钥不会发往新的主机")))
        prices = [cleaned.get(name) for name in self.shape.prices]
        if prices and all(prices) and not any(float(price or 0) for price in prices):
            self.add_error(self.shape.prices[0], ValidationError(_("价格为 0 时选免费")))
        return cleaned

    # --- what comes of it ---------------------------------------------------------------------------
    @property
    def keeps_key(self) -> bool:
        """Nothing was typed, and the saved key would go where it always went."""
        typed = (self.cleaned_data.get("api_key") if self.is_bound else "") or ""
        url = self.cleaned_data.get("inference_url") or ""
        return bool(not typed and self.endpoint and origin(url) == origin(self.endpoint.inference_url))

    def effective_key(self) -> str:
        """Typed, or kept. Needs `cleaned_data`."""
        return self.cleaned_data.get("api_key") or (saved_key(self.endpoint) if self.keeps_key else "")

    def missing(self) -> list[forms.BoundField]:
        """Required fields that are empty; call after `is_valid`."""
        return [self[name] for name in self.fields if self.has_error(name, "required")]

    def focus_mistake(self) -> None:
        """The first field that is wrong takes the keyboard, and so comes into view."""
        name = next((name for name in self.fields if self.has_error(name)), None)
        if name:
            self.fields[name].widget.attrs["autofocus"] = True

    def draft(self) -> Draft:
        """What may be probed, as far as it was understood. Needs `cleaned_data`."""
        cleaned = self.cleaned_data
        return Draft(
            vendor=self.shape.vendor.slug,
            kind=self.shape.kind,
            inference_url=cleaned.get("inference_url") or str(self.data.get("inference_url", "")).strip(),
            upstream_model=cleaned.get("upstream_model", ""),
            api_key=self.effective_key(),
            auth=cleaned.get("auth") or "bearer",
            stream_only=bool(cleaned.get("stream_only")),
            ca_certificates=cleaned.get("ca_certificates", str(self.data.get("ca_certificates", ""))),
        )

    def document(self) -> ModelDocument:
        """Of a valid form."""
        cleaned = {**self.cleaned_data, "vendor": self.shape.vendor.slug}
        endpoint = {name: cleaned[name] for name in ENDPOINT_FIELDS if cleaned.get(name) not in (None, "")}
        endpoint |= {"model": cleaned.get("upstream_model", ""), "api_key": cleaned.get("api_key") or None}
        return ModelDocument.model_validate(
            {
                "name": self.model.name if self.model else cleaned["name"],
                "kind": self.shape.kind,
                "price": self.price(cleaned),
                "limits": {name: cleaned.get(name) for name in LIMITS},
                "stream_only": bool(cleaned.get("stream_only")),
                "context_length": cleaned.get("context_length"),
                "max_output_tokens": cleaned.get("max_output_tokens"),
                "endpoints": [endpoint],
            }
        )

    def price(self, cleaned: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.shape.unit == "free":
            return {"free": True}
        return {name: cleaned[name] for name in self.shape.prices if cleaned.get(name)} or None


def key_masked(key: str) -> str:
    """sk-…3e7c: enough to tell two keys apart."""
    if not key:
        return ""
    return f"{key[:3]}…{key[-4:]}" if len(key) >= 16 else "…"


def key_typed(text: str) -> str:
    """The key alone, where it was pasted with its Bearer. Raises ValidationError."""
    key = text.strip()
    if key.lower().startswith("bearer "):
        key = key[7:].strip()
    if key.startswith("env:"):
        raise ValidationError(_("env: 只用于命令行的模型文件，这里直接填写密钥"), code="invalid")
    if not HEADER_TEXT.match(key):
        raise ValidationError(_("密钥只能含可见的英文字符，检查是否混入了空格或中文"), code="invalid")
    return key


# --- what stands in the fields at first ---------------------------------------------------------------
def first_url(vendor: Vendor, kind: str) -> str:
    """The vendor's own default; the simulator's is where this server has started it."""
    if vendor is VENDORS["simulator"] and settings.SIMULATOR_PORT:
        return urlsplit(vendor.kinds[kind].default_url)._replace(netloc=f"127.0.0.1:{settings.SIMULATOR_PORT}").geturl()
    return vendor.kinds[kind].default_url


def initial_new(shape: Shape) -> dict[str, Any]:
    url = first_url(shape.vendor, shape.kind)
    return {"inference_url": url, "priority": 0, "weight": 1, "draft": secrets.token_urlsafe(12)}


def initial_saved(model: Model, endpoint: Endpoint | None) -> dict[str, Any]:
    counts = {name: getattr(model, name) for name in ("context_length", "max_output_tokens", *LIMITS)}
    saved: dict[str, Any] = {name: f"{count:,}" for name, count in counts.items() if count}
    saved["stream_only"] = model.stream_only
    price = model.prices.order_by("-id").first()
    saved |= initial_price(price) if price else {}
    if endpoint:
        saved |= {name: getattr(endpoint, name) for name in (*ENDPOINT_FIELDS, "upstream_model")}
    return saved


def initial_price(price: Price) -> dict[str, Any]:
    nano = {
        "input": price.input_nano,
        "output": price.output_nano,
        "per_1k_tokens": price.input_nano // 1000,
        "per_call": price.call_nano,
        "per_page": price.page_nano,
    }
    return {"unit": price.unit} | {name: plain_yuan(nano[name]) for name in PRICES[price.unit]}


def saved_key(endpoint: Endpoint | None) -> str:
    """Empty where the key cannot be decrypted any more: it has to be typed again."""
    try:
        return endpoint.api_key.reveal() if endpoint else ""
    except SecretUnreadable:
        return ""
