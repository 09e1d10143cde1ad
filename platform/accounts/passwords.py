"""Django's rules for passwords in our words: its own are not all translated."""

from django.contrib.auth import password_validation
from django.utils.translation import gettext as _


class LongEnough(password_validation.MinimumLengthValidator):
    def get_error_message(self) -> str:
        return _("密码至少 %(count)d 个字符。") % {"count": self.min_length}

    def get_help_text(self) -> str:
        return _("至少 %(count)d 个字符") % {"count": self.min_length}


class NotLikeTheUser(password_validation.UserAttributeSimilarityValidator):
    def get_error_message(self) -> str:
        return _("密码与%(verbose_name)s太相似。")

    def get_help_text(self) -> str:
        return _("不能与用户名或邮箱相似")


class NotCommon(password_validation.CommonPasswordValidator):
    def get_error_message(self) -> str:
        return _("这个密码太常见，容易被猜到。")

    def get_help_text(self) -> str:
        return _("不能是常见密码")
