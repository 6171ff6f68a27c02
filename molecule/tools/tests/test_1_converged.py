"""What the run that brought the tools up left behind."""

from conftest import TOOLS


def test_they_and_what_they_show_are_there(lab):
    assert lab.present() == {"postgres", "redis", *TOOLS}


def test_a_second_run_changes_nothing(lab):
    before = lab.lives()
    assert lab.converge(*TOOLS).changed == 0
    assert lab.lives() == before
