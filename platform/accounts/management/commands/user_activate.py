from accounts.management.user_activity import UserActivityCommand


class Command(UserActivityCommand):
    help = "Lets a user in again, with the keys they had."
    is_active = True
    word = "activated"
