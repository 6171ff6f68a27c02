"""What builds take over from the host."""

import pytest

from cloudlab.images import trust


def test_the_named_bundle_wins_over_the_systems(tmp_path):
    named, system = tmp_path / "named", tmp_path / "system"
    named.write_bytes(b"named")
    system.write_bytes(b"system")
    assert trust.ca_bundle({"SSL_CERT_FILE": str(named)}, (str(system),)) == b"named"
    assert trust.ca_bundle({}, (str(tmp_path / "none"), str(system))) == b"system"
    assert trust.ca_bundle({"SSL_CERT_FILE": ""}, (str(system),)) == b"system"


def test_the_file_that_holds_them(tmp_path, monkeypatch):
    system = tmp_path / "system.crt"
    system.write_bytes(b"system")
    assert trust.ca_file({}, (str(tmp_path / "none"), str(system))) == str(system)
    (tmp_path / "named.crt").write_bytes(b"named")
    monkeypatch.chdir(tmp_path)
    assert trust.ca_file({"SSL_CERT_FILE": "named.crt"}, (str(system),)) == str(tmp_path / "named.crt")


def test_a_file_without_certificates_is_as_good_as_none(tmp_path):
    """A program that is told to trust what is in an empty file trusts nothing."""
    assert trust.ca_file({"SSL_CERT_FILE": "/dev/null"}, ()) == ""
    assert trust.ca_file({}, (str(tmp_path / "none"),)) == ""


def test_a_host_without_certificates_sends_none(tmp_path):
    assert trust.ca_bundle({}, (str(tmp_path / "none"),)) == b""


def test_a_named_bundle_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(trust.TrustError, match=r"SSL_CERT_FILE names .*none.*No such file"):
        trust.ca_bundle({"SSL_CERT_FILE": str(tmp_path / "none")})
    with pytest.raises(trust.TrustError):
        trust.ca_file({"SSL_CERT_FILE": str(tmp_path / "none")})


def test_proxies_of_the_host_become_build_arguments():
    environ = {"HTTPS_PROXY": "http://p:3128", "no_proxy": "localhost", "HTTP_PROXY": "", "PATH": "/bin"}
    assert trust.proxy_arguments(environ) == {"HTTPS_PROXY": "http://p:3128", "no_proxy": "localhost"}
