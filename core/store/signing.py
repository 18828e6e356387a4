"""Signatures with the person's own key (Ed25519), and the key itself.

The key is made when it is first needed and lies in the person's config folder, readable by them alone. Whoever has the
file can sign in its owner's name; without it old signatures stay valid and new ones are another person's.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import TunesmithError
from core.store.folders import user_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_NAME = "claims-key.pem"
OTHERS = 0o077
"""The permission bits of everybody but the owner."""


class Signer:
    """The person's key, made if there is none.

    Raises
    ------
    TunesmithError
        where the key cannot be read, is damaged, or cannot be made
    """

    def __init__(self, path: Path | None = None) -> None:
        self._key = _load_or_make(path or key_path())

    @property
    def public_key(self) -> str:
        """The public half in base 64."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, data: bytes) -> str:
        """The signature of ``data`` in base 64."""
        return base64.b64encode(self._key.sign(data)).decode()


def key_path() -> Path:
    """Where the key lies."""
    return user_folder("config") / KEY_NAME


def known_public_key() -> str:
    """The public half of the person's key; "" where none was made yet."""
    return Signer().public_key if key_path().exists() else ""


def is_signed(data: bytes, signature: str, public_key: str) -> bool:
    """Whether ``signature`` is that of ``data`` by the owner of ``public_key`` (both in base 64)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def canonical(value: Any) -> bytes:
    """JSON of one and only one form: names in order, no spaces, whole numbers without a point, UTF-8.

    Signatures are of these bytes, so that a certificate may be indented, or go through another program.
    """
    text = json.dumps(
        _steady(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _steady(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_steady(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _load_or_make(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not path.exists():
        _make(path)
    try:
        if os.name == "posix" and path.stat().st_mode & OTHERS:
            path.chmod(0o600)
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise TunesmithError(
            f"cannot read your key {path}: {error.strerror}; mend its permissions"
        ) from error
    except (ValueError, TypeError) as error:
        raise TunesmithError(
            f"your key {path} is damaged; bring it back, or move it away for a new one"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise TunesmithError(
            f"your key {path} is of another kind; bring it back, or move it away for a new one"
        )
    return key


def _make(path: Path) -> None:
    """A new key at ``path``: whole or not there, and never in the place of one that is."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    data = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        number, name = tempfile.mkstemp(prefix=".claims-key-", dir=path.parent)  # readable by the owner alone
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another program was faster: theirs is the key
                os.link(name, path)
        finally:
            Path(name).unlink()
    except OSError as error:
        raise TunesmithError(f"cannot make your key {path}: {error.strerror}; check the folder") from error
