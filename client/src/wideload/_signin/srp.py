"""Secure Remote Password as Amazon Cognito speaks it: the password itself is never sent.

SRP-6a (RFC 3526's 3072-bit group, SHA-256) with paddings, a key derivation and a proof of
Cognito's own, which ADR 0018 tells about.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

# https://www.rfc-editor.org/rfc/rfc3526#section-4
_N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404"
    "DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406"
    "B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD"
    "24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E46"
    "2E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D226"
    "1898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB397"
    "0F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A6452"
    "1F2B18177B200CBBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CA"
    "FFFFFFFFFFFFFFFF",
    16,
)
_G = 2
_PRIVATE_BITS = 1024  # as Amazon's own SDKs take

# Spelled out: strftime follows the locale, and Cognito doesn't.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Srp:
    """The client's side of one sign-in.

    Args:
        pool: Name of the user pool: what follows `_` in its id.
        private: The secret number; for tests. Default: a random one.
    """

    def __init__(self, pool: str, *, private: int | None = None) -> None:
        self._pool = pool
        self._a = secrets.randbits(_PRIVATE_BITS) if private is None else private
        self._public = pow(_G, self._a, _N)

    @property
    def public(self) -> str:
        """SRP_A, in hexadecimal digits."""
        return f"{self._public:x}"

    def proof(  # noqa: PLR0917 - the challenge's members
        self, user_id: str, password: str, salt: str, server_public: str, block: str, timestamp: str
    ) -> str:
        """The proof for Cognito that the password is known, in base64.

        Args:
            user_id: USER_ID_FOR_SRP.
            password: The password.
            salt: SALT, in hexadecimal digits.
            server_public: SRP_B, in hexadecimal digits.
            block: SECRET_BLOCK, in base64.
            timestamp: As of `timestamp`, the same that is sent.

        Raises:
            ValueError: The server's numbers can't be right.
        """
        key = self._key(user_id, password, int(salt, 16), int(server_public, 16))
        message = self._pool.encode() + user_id.encode() + base64.b64decode(block)
        signed = hmac.digest(key, message + timestamp.encode(), "sha256")
        return base64.b64encode(signed).decode()

    def _key(self, user_id: str, password: str, salt: int, server_public: int) -> bytes:
        if not server_public % _N:
            raise ValueError("SRP_B is a multiple of N")
        k = _hash(_padded(_N) + _padded(_G))
        u = _hash(_padded(self._public) + _padded(server_public))
        if not u:
            raise ValueError("the scrambling number is 0")
        inner = hashlib.sha256(f"{self._pool}{user_id}:{password}".encode()).digest()
        x = _hash(_padded(salt) + inner)
        secret = pow(server_public - k * pow(_G, x, _N), self._a + u * x, _N)
        # HKDF (RFC 5869) of one block, of which 16 bytes are taken.
        pseudorandom = hmac.digest(_padded(u), _padded(secret), "sha256")
        return hmac.digest(pseudorandom, b"Caldera Derived Key\x01", "sha256")[:16]


def timestamp(now: datetime) -> str:
    """A UTC time as Cognito wants it: `Sun Nov 22 09:05:00 UTC 2026`, the day without a zero."""
    return (
        f"{_DAYS[now.weekday()]} {_MONTHS[now.month - 1]} {now.day} {now:%H:%M:%S} UTC {now.year}"
    )


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest())


def _padded(number: int) -> bytes:
    """Big-endian with room for a sign, as Java's `BigInteger.toByteArray` writes it."""
    return number.to_bytes(number.bit_length() // 8 + 1)
