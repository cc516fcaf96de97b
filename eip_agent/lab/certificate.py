"""Certificates for the simulated OpenAPI, made anew by every process and good for a day."""

import datetime as dt
import functools
import importlib.util
import ipaddress
import os
import ssl
from typing import Final

from eip_agent.errors import LabError

_DAY: Final = dt.timedelta(days=1)


def can_certify() -> bool:
    """Whether the package `cryptography` is installed, which Alibaba's libraries bring along."""
    return importlib.util.find_spec("cryptography") is not None


def authority(address: str) -> bytes:
    """The certificate to trust, as PEM.  Raises LabError where none can be made: see `can_certify`."""
    return _made(address)[0]


def server_context(address: str) -> ssl.SSLContext:
    """What a server at that address presents.  Raises as `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # It is read from files only, and no file shall have the key.
    fd = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        os.write(fd, _made(address)[1])
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    return context


@functools.cache
def _made(address: str) -> tuple[bytes, bytes]:
    """Authority, and server with key, as PEM; the same for the whole life of the process."""
    try:
        from cryptography import x509  # noqa: PLC0415 most topologies are asked nothing, and it takes its time
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    except ImportError as error:
        raise LabError("the simulated OpenAPI needs `cryptography`", "pip install 'eip-agent[openapi]'") from error
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "eip-agent lab authority")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "eip-agent lab")])
    now = dt.datetime.now(dt.UTC)

    def certificate(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        begun = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(key)
        return (
            begun.serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )

    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    ca = (
        certificate(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    server = (
        certificate(name, server_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(host, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ca.public_bytes(pem), server.public_bytes(pem) + key
