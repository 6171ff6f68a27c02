"""What the run that brought the tools up left behind."""

import components


def test_they_and_what_they_need_are_there(lab, tools):
    assert lab.present() == {*tools, *components.needs(*tools)}


def test_a_second_run_changes_nothing(lab, tools):
    before = lab.lives()
    assert lab.converge(*tools).changed == 0
    assert lab.lives() == before
