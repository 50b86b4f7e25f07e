"""Makes a self-signed TLS certificate in a folder, unless there is one: `python deploy/make_certificate.py FOLDER`.

For a first look on one machine. A public site puts its own `fullchain.pem` and `privkey.pem` there instead.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_DAYS = 365


def make(folder: Path, hosts: list[str]) -> bool:
    """Writes `fullchain.pem` and `privkey.pem`; False when a certificate is there already and nothing was done."""
    if (folder / "fullchain.pem").exists():
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(os.open(folder / "privkey.pem", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private)
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return True


if __name__ == "__main__":
    wanted = [host.strip() for host in os.environ.get("CERTIFICATE_HOSTS", "localhost").split(",") if host.strip()]
    if make(Path(sys.argv[1]), wanted):
        sys.stdout.write(f"Made a self-signed certificate for {', '.join(wanted)}.\n")
