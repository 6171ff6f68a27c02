"""E-mail sent to the published SMTP port is in Mailpit's inbox, and stays there."""

import smtplib
import uuid
from email.message import EmailMessage

import pytest
import requests

SECONDS = 30


@pytest.fixture(scope="module")
def subject(lab):
    """The subject of an e-mail that was sent as a program on this machine sends one."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.org", "ada@example.org", f"Order {uuid.uuid4().hex}"
    mail.set_content("Your order is confirmed.")
    with smtplib.SMTP("127.0.0.1", lab.port("mailpit", "smtp"), timeout=SECONDS) as client:
        client.send_message(mail)
    return mail["Subject"]


def address(lab):
    return f"http://127.0.0.1:{lab.port('mailpit', 'http')}"


def test_the_inbox_shows_an_email(lab, page, subject):
    page.goto(address(lab))
    page.get_by_text(subject, exact=True).first.click()
    page.get_by_text("ada@example.org").first.wait_for()
    page.get_by_text("Your order is confirmed.").first.wait_for()


def test_an_email_survives_a_recreated_container(lab, subject):
    lab.client.remove_container(lab.container("mailpit"), force=True)
    lab.converge("mailpit")
    found = requests.get(f"{address(lab)}/api/v1/messages", timeout=SECONDS).json()["messages"]
    assert [item["Subject"] for item in found].count(subject) == 1


def test_requests_for_other_host_names_are_refused(lab):
    """A web page can give its own host name the address of this machine."""
    answer = requests.get(f"{address(lab)}/api/v1/messages", headers={"Host": "attacker.example"}, timeout=SECONDS)
    assert answer.status_code == 403


def test_requests_of_other_web_pages_are_refused(lab):
    answer = requests.get(
        f"{address(lab)}/api/v1/messages", headers={"Origin": "http://attacker.example"}, timeout=SECONDS
    )
    assert answer.status_code == 403


def test_mailpit_asks_nothing_of_the_internet(lab):
    """Its version check is off: it would ask a server on the internet."""
    info = requests.get(f"{address(lab)}/api/v1/info", timeout=SECONDS).json()
    assert info["LatestVersion"] == "disabled"
