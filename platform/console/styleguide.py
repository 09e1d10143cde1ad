"""/styleguide/: every component in its states, for whoever builds or judges a page. Its figures are samples."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

COLOURS = (
    ("bg", _("画布")),
    ("subtle", _("次级")),
    ("muted", _("填充")),
    ("border", _("发丝线")),
    ("field", _("字段边")),
    ("text-3", _("三级字")),
    ("text-2", _("二级字")),
    ("text", _("正文")),
    ("accent", _("强调")),
    ("selected", _("选中")),
    ("ok-dot", _("成功")),
    ("warn-dot", _("警告")),
    ("bad-dot", _("危险")),
    ("series-2", _("序列 2")),
)
UPTIME = (
    ("up", ["ok"] * 48, "100%"),
    ("degraded", ["ok"] * 40 + ["warn"] * 8, "99.62%"),
    ("down", ["ok"] * 46 + ["bad"] * 2, "98.19%"),
    ("disabled", ["none"] * 20 + ["ok"] * 28, "100%"),
)
CURL = """curl https://llm.example.cn/v1/chat/completions \\
  -H "Authorization: Bearer sk-mc-7Qd4…a91f" \\
  -d '{"model":"DeepSeek-R1","messages":[…]}'"""
PYTHON = """from openai import OpenAI
client = OpenAI(base_url="https://llm.example.cn/v1", api_key="sk-mc-7Qd4…a91f")
print(client.models.list())"""
NODE = """import OpenAI from "openai";
const client = new OpenAI({ baseURL: "https://llm.example.cn/v1", apiKey: "sk-mc-7Qd4…a91f" });"""
SAMPLES = (("curl", "bash", CURL), ("Python", "python", PYTHON), ("Node", "javascript", NODE))


class Column:
    """One day of the sample chart: y and height of output and input, in units of the drawing."""

    def __init__(self, index: int, label: str, total: float, inputs: float) -> None:
        self.label = label
        self.band_x = 36 + index * 40
        self.x = self.band_x + 12
        self.middle = self.band_x + 20
        self.input_y, self.input_height = 104 - inputs, inputs
        self.output_y, self.output_height = 104 - total, total - inputs - 1


COLUMNS = [
    Column(index, label, total, inputs)
    for index, (label, total, inputs) in enumerate(
        (("15", 60, 42), ("16", 70, 48), ("17", 84, 58), ("18", 66, 46), ("19", 89, 62), ("20", 83, 57))
    )
]


@login_required
def styleguide(request: HttpRequest) -> HttpResponse:
    if not getattr(request.user, "is_staff", False):
        raise Http404
    context = {
        "colours": COLOURS,
        "uptime": UPTIME,
        "samples": SAMPLES,
        "columns": COLUMNS,
        "today": Column(6, "", 61, 42),
    }
    return render(request, "console/styleguide.html", context)
