from accounts.models import Workspace
from billing.selectors import balance_of


def test_a_new_user_has_forty_yuan_of_trial_credit(workspace: Workspace) -> None:
    assert balance_of(workspace=workspace).trial_nano == 40 * 10**9
