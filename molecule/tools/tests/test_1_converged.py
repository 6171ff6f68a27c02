"""What the run that brought the tools up left behind."""


def test_they_and_what_they_show_are_there(lab, tools):
    assert lab.present() == {"postgres", "redis", *tools}


def test_a_second_run_changes_nothing(lab, tools):
    before = lab.identities()
    assert lab.converge(*tools).changed == 0
    assert lab.identities() == before
