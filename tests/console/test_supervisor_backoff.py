from console.supervisor import BACKOFF_MAX_S, SOON_S, Backoff, exit_text


def test_what_dies_once_is_started_again_at_once() -> None:
    assert Backoff().delay_s(lived_s=0.1) == 0


def test_what_keeps_dying_waits_longer_each_time_up_to_a_limit() -> None:
    backoff = Backoff()
    delays = [backoff.delay_s(lived_s=0.1) for _ in range(9)]
    assert delays == [0, 0.5, 1, 2, 4, 8, BACKOFF_MAX_S, BACKOFF_MAX_S, BACKOFF_MAX_S]


def test_a_good_life_is_forgiven() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay_s(lived_s=0.1)
    assert backoff.delay_s(lived_s=SOON_S) == 0
    assert backoff.delay_s(lived_s=0.1) == 0
    assert backoff.delay_s(lived_s=0.1) == 0.5


def test_endings_are_told_in_words() -> None:
    assert exit_text(3) == "exit code 3"
    assert exit_text(-9) == "SIGKILL"
    assert exit_text(-250) == "signal 250"
