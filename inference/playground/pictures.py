"""Pictures that go with a prompt: known by how they begin, never decoded, kept with their turn and sent again.

A composer's pictures are drafts that only wait to be sent, so a prompt that was refused still has them.
"""

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from inference.models import PromptPicture

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

PICTURES_MAX = 4  # of one prompt
PICTURE_MB_MAX = 5
USER_MB_MAX = 200
BODY_SHARE = 0.6  # of the gateway's limit may be a conversation's pictures; in base64 they are a third larger
DRAFT_LIFE = timedelta(days=1)
DRAFTS_MAX = 20
NAME_MAX = 100
MEGABYTE = 1024 * 1024


class PictureRefused(Exception):
    """Why a picture is not taken, in a sentence for people."""


class Upload(NamedTuple):
    name: str
    content_type: str
    content: bytes


def conversation_bytes_max() -> int:
    return int(settings.MAX_BODY_MB * MEGABYTE * BODY_SHARE)


def picture_bytes_max() -> int:
    return min(PICTURE_MB_MAX * MEGABYTE, conversation_bytes_max())


def megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f}".removesuffix(".0")


# --- what comes in -----------------------------------------------------------------------------------
def content_type_of(content: bytes) -> str:
    """ "" for what is no picture that models are shown. SVG is none: it is a document with scripts."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""


def uploads_of(files: Sequence["UploadedFile[bytes]"], *, beside: int) -> list[Upload]:
    """Files as pictures, `beside` others in the composer. Raises PictureRefused."""
    if len(files) + beside > PICTURES_MAX:
        raise PictureRefused(_("一次最多 {count} 张图片").format(count=PICTURES_MAX))
    return [upload_of(file) for file in files]


def upload_of(file: "UploadedFile[bytes]") -> Upload:
    name = name_of(file.name or "")
    if (file.size or 0) > picture_bytes_max():
        raise PictureRefused(_("{name} 大于 {size} MB").format(name=name, size=megabytes(picture_bytes_max())))
    content = file.read()
    content_type = content_type_of(content)
    if not content_type:
        raise PictureRefused(_("{name} 不是 PNG、JPEG、WebP 或 GIF 图片").format(name=name))
    return Upload(name, content_type, content)


def name_of(text: str) -> str:
    """A file's name to be shown; the end says most."""
    return "".join(letter for letter in text if letter.isprintable())[-NAME_MAX:] or "picture"


# --- what is kept ------------------------------------------------------------------------------------
@transaction.atomic
def pictures_keep(*, user: User, uploads: Sequence[Upload]) -> list[PromptPicture]:
    """Drafts of a user's, one after the other with the same user's others. Raises PictureRefused."""
    if not uploads:
        return []
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    own = PromptPicture.objects.filter(user=user)
    drafts_tidy(own.filter(turn=None))
    kept = own.aggregate(size=Sum("size"))["size"] or 0
    if kept + sum(len(upload.content) for upload in uploads) > USER_MB_MAX * MEGABYTE:
        raise PictureRefused(_("保存的图片已满 {size} MB，删除旧会话再添加").format(size=USER_MB_MAX))
    return [
        PromptPicture.objects.create(
            user=user, name=one.name, content_type=one.content_type, size=len(one.content), content=one.content
        )
        for one in uploads
    ]


def drafts_tidy(drafts: QuerySet[PromptPicture]) -> None:
    """What nobody will send any more."""
    drafts.filter(created_at__lt=timezone.now() - DRAFT_LIFE).delete()
    newest = list(drafts.order_by("-id").values_list("pk", flat=True)[: DRAFTS_MAX - PICTURES_MAX])
    drafts.exclude(pk__in=newest).delete()


def draft_drop(*, user: User, pk: int) -> None:
    PromptPicture.objects.filter(user=user, pk=pk, turn=None).delete()


# --- what goes out -----------------------------------------------------------------------------------
def data_url(picture: PromptPicture) -> str:
    return f"data:{picture.content_type};base64,{base64.b64encode(picture.content).decode()}"


def stand_in(picture: PromptPicture) -> str:
    """In place of a data URL, where code is to be read and a price to be estimated."""
    return f"data:{picture.content_type};base64,{{BASE64:{picture.name}}}"
