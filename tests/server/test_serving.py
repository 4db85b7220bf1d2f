"""`answerable serve`: where it may listen, what it says, and that it ends with one cause."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from homes import SmallHome, process, until
from serving import Serving, serving

NO_TLS = "without TLS everybody on the way could read the keys"


def test_off_this_machine_it_wants_tls_and_says_why(small: SmallHome) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "answerable.example"):
        said = process("serve", "--home", str(small.path), "--host", host, "--port", "0")
        said.fails(2, host, NO_TLS, "Nothing was started.")


def test_a_port_that_another_has_is_said(small: SmallHome) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = process("serve", "--home", str(small.path), "--port", port)
        said.fails(2, f"port {port}", "Nothing was started.", "--port")


def test_half_of_a_certificate_is_a_wrong_set_up(small: SmallHome) -> None:
    small.says("[worker]", '[server]\ntls_cert = "cert.pem"\n\n[worker]')
    said = process("serve", "--home", str(small.path), "--port", "0")
    said.fails(2, "`tls_key`", "Nothing was started.")


def test_a_home_that_somebody_holds_is_not_served_twice(small: SmallHome) -> None:
    with serving(small) as served:
        process("serve", "--home", str(small.path), "--port", "0").fails(1, "holds")
        assert served.stop() == 0


def test_a_worker_that_cannot_start_ends_both_with_its_cause(small: SmallHome) -> None:
    small.policy.write_text("permit (principal, action, nonsense);")
    said = process("serve", "--home", str(small.path), "--port", "0")
    assert said.code == 2, said.err
    assert said.err.count("Ended: the worker ended with 2") == 1


def test_with_its_own_tls_the_session_stays_on_tls(small: SmallHome, tmp_path: Path) -> None:
    cert, key = _certificate(tmp_path)
    small.says("[worker]", f'[server]\ntls_cert = "{cert}"\ntls_key = "{key}"\n\n[worker]')
    served = Serving(small)
    try:
        assert served.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(cert))
        with httpx.Client(base_url=served.url, verify=trust, timeout=30) as client:
            until(lambda: client.get("/readyz").status_code == 200)
            said = {"secret": served.key("read")}
            answer = client.post("/login", data=said, headers={"Sec-Fetch-Site": "same-origin"})
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-")
            assert "Secure" in cookie
            assert "max-age" in answer.headers["strict-transport-security"]
    finally:
        assert served.stop() == 0


def test_where_no_key_is_the_command_that_makes_one_is_said(small: SmallHome) -> None:
    with serving(small) as served:
        until(lambda: "answerable key add" in served.said)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """For 127.0.0.1, signed by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "answerable test")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(private.public_key()).serial_number(1).not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=36_500)).add_extension(address, critical=False)
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    return cert, key


def test_metrics_are_not_there_where_the_settings_say_so(small: SmallHome) -> None:
    small.settings.write_text(f"{small.settings.read_text()}\n[telemetry]\nmetrics = false\n")
    with serving(small) as served, served.client("all") as client:
        answer = client.get("/metrics")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_route")
        assert "/metrics" not in client.get("/openapi.json").json()["paths"]
