"""Saving a file is enough."""

import checkout as checkouts
from lab import wait_until

BROKEN = "\nfunc broken() { return 1 }\n"


def log_of(lab, component):
    return lab.client.logs(lab.container(component)).decode(errors="replace")


def test_a_saved_handler_answers(lab, checkout):
    before = lab.identities()
    checkouts.edit(checkout, checkouts.SERVICE, "saved")
    checkouts.wait_for_service(lab, "saved")
    # The process was replaced, not the container.
    assert lab.identities() == before


def test_a_saved_shared_package_answers_in_every_service(lab, checkout):
    checkouts.edit(checkout, checkouts.SHARED, "shared")
    checkouts.wait_for_all(lab, "shared")


def test_a_compile_error_leaves_the_old_process_serving(lab, checkout):
    file = checkout / checkouts.SERVICE[0]
    good = file.read_text(encoding="utf-8")
    # The error stands in the line after the last one.
    line = good.count("\n") + 2
    file.write_text(good + BROKEN, encoding="utf-8")
    try:
        place = f"{checkouts.SERVICE[0]}:{line}"
        wait_until(lambda: place in log_of(lab, "auth"), f"auth's log names {place}", 60)
        assert checkouts.service_edit(lab) == "saved"
    finally:
        file.write_text(good.replace('"edit": "saved"', '"edit": "repaired"'), encoding="utf-8")
    checkouts.wait_for_service(lab, "repaired")


def test_the_edits_need_no_converge(lab):
    assert lab.converge().changed == 0
