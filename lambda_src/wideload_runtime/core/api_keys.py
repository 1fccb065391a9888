"""API keys: `wl_<key id>_<secret>`, of which only a hash is kept.

The secret has 256 random bits, so that a plain SHA-256 is as good as a slow hash: there is
nothing to guess (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
is about passwords). The form is shared with `wideload_cdk.keys` by `contract/cases/api_keys.json`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from wideload_runtime.core.times import epoch

CANARY = "canary"
"""The canary's tenant, and the beginning of the ids of its keys (`IngestCanary` adds the rest)."""

_KEY = re.compile(r"wl_([a-z0-9]{12})_[A-Za-z0-9_-]{32,64}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    key_id: str
    tenant: str
    secret_hash: str
    revoked: bool
    ends_at: str | None = None
    """ISO 8601 time from which the key is refused, after it was replaced."""


def new_key(key_id: str) -> str:
    """Return a key with this id and a new random secret."""
    return f"wl_{key_id}_{secrets.token_urlsafe(32)}"


def key_id_of(key: str) -> str | None:
    """Return the id within a key; None if it isn't formed like a key."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None


def secret_hash(key: str) -> str:
    """Hex SHA-256 of the whole key."""
    return hashlib.sha256(key.encode()).hexdigest()


def authenticate(
    key: str, find: Callable[[str], ApiKey | None], now: Callable[[], float] = time.time
) -> ApiKey | None:
    """Return the key's record; None for a malformed, unknown, wrong, revoked or expired key."""
    key_id = key_id_of(key)
    known = find(key_id) if key_id else None
    if known is None or known.revoked:
        return None
    if known.ends_at is not None and epoch(known.ends_at) <= now():
        return None
    # The canary may write the record of its own key, so a canary key acts for no other tenant.
    if known.key_id.startswith(CANARY) and known.tenant != CANARY:
        return None
    return known if hmac.compare_digest(secret_hash(key), known.secret_hash) else None
