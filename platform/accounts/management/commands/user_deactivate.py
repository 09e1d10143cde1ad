from accounts.management.user_activity import UserActivityCommand


class Command(UserActivityCommand):
    help = "Shuts a user out: sessions end, every worker refuses their keys within a second."
    is_active = False
    word = "deactivated"
