"""What a probe's sentence says: read back into its parts, and said in the few words a list has room for."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

SENTENCE = re.compile(
    r"(?P<stage>connect|auth|model|answer|key|probe): (?P<words>.*?)(?: · POST (?P<url>\S+))?\Z", re.DOTALL
)
STATUS = re.compile(r"HTTP (\d{3})(?:: )?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Reason:
    stage: str  # connect | auth | model | answer | key | probe; "" where the sentence is no probe's
    words: str  # the upstream's own, or ours where it said nothing
    status: int | None = None
    url: str = ""


def reason_parts(sentence: str) -> Reason:
    """Of the first endpoint's, where the sentence is of several."""
    first = re.split(r"; (?=(?:connect|auth|model|answer|key|probe): )", sentence, maxsplit=1)[0]
    found = SENTENCE.match(first)
    if found is None:
        return Reason("", sentence)
    words, url = found["words"], found["url"] or ""
    status = STATUS.match(words)
    if status is None:
        return Reason(found["stage"], words, None, url)
    return Reason(found["stage"], status[2], int(status[1]), url)


def reason_short(sentence: str) -> str:
    """At most some twelve characters; the whole sentence stands on hover and in the API."""
    reason = reason_parts(sentence)
    if reason.status is not None:
        return status_short(reason.status)
    if "private address" in reason.words:
        return _("地址不允许访问")
    if "timed out" in reason.words:
        return _("连接超时") if reason.stage == "connect" else _("应答超时")
    if "no probe finished" in reason.words:
        return _("探测未完成")
    stages = {"connect": _("无法连接"), "key": _("密钥无法解密"), "answer": _("应答无法识别"), "probe": _("探测出错")}
    return stages.get(reason.stage, _("探测未通过"))


def status_short(status: int) -> str:
    words = {
        401: _("上游 401 密钥无效"),
        403: _("上游 403 无权访问"),
        404: _("上游 404 无此模型"),
        429: _("上游 429 限流"),
    }
    return words.get(status, _("上游返回 %(status)d") % {"status": status})
