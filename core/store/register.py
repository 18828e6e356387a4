"""The register: who claims which piece, signed, and never two of one piece.

How it works
------------
* A *claim* is a statement (who, what, when, digests of the piece's sketch) with an Ed25519 signature by the key
  of the person who made it. A *certificate* is a claim in a file, with the sketch, so that it can be checked by
  anyone against any song, without this register.
* A song is refused that has the content id of a claimed piece, or of which `core.store.fingerprint` says that it is
  a copy of one.
* Claims made with one key are numbered, and each holds the digest of the one before it: a row that was altered,
  exchanged or taken out is noticed. A signed note beside the key tells the newest number, so that the last rows
  cannot be taken out unnoticed either. Whoever has the key can do all of this; it proves who claimed, and
  nothing about who composed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import TunesmithError
from core.song.harmony import estimate_key, pitched_notes
from core.song.notes import Song
from core.store.atomic import write_bytes_atomic
from core.store.database import DatabaseOwner
from core.store.fingerprint import (
    SKETCH,
    Fingerprint,
    Likeness,
    Runs,
    Sketch,
    compare,
    content_id,
    likeliest,
    sketch_of,
)
from core.store.folders import user_folder
from core.store.library import now
from core.store.signing import Signer, canonical, is_signed, known_public_key

FILE_NAME = "register.sqlite"
HEAD_NAME = "claims-head.json"
KIND = 0x54535247
FORMAT = "tunesmith claim"
CERTIFICATE = "tunesmith certificate"
REGISTER = "tunesmith register"
VERSION = 1
LONGEST_NAME = 200
LARGEST_SKETCH = 32 << 20
LARGEST_FILE = 512 << 20
RUN = np.dtype("<u4")

MIGRATIONS = (
    """
    CREATE TABLE claims (
        id TEXT PRIMARY KEY,
        statement BLOB NOT NULL,
        signature TEXT NOT NULL,
        sketch BLOB NOT NULL,
        runs BLOB NOT NULL
    )
    """,
)

FIELDS: dict[str, type] = {
    "id": str, "owner": str, "title": str, "claimed": str, "notes": int, "milliseconds": int, "key": str,
    "recipe": dict, "sketch": str, "runs": str, "number": int, "previous": str, "public_key": str,
}  # fmt: skip
"""What a statement holds besides its format and version, and nothing else."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A signed statement, checked or not, with the packed sketch it speaks of.

    ``statement`` has the names of `FIELDS`: ``claimed`` is UTC, ``recipe`` the request that made the piece ({}
    where it is unknown), ``sketch`` and ``runs`` SHA-256 digests, ``number`` the claims made with the key so far,
    ``previous`` the digest of the statement before this one.
    """

    statement: dict[str, Any]
    signature: str
    sketch: bytes

    @property
    def id(self) -> str:
        """The content id of the piece, which is the claim's too."""
        return self.statement["id"]

    @property
    def owner(self) -> str:
        """Who claims it."""
        return self.statement["owner"]

    @property
    def title(self) -> str:
        """What they call it."""
        return self.statement["title"]

    @property
    def claimed(self) -> str:
        """When, in UTC."""
        return self.statement["claimed"]

    @property
    def line(self) -> str:
        """The claim in a sentence's part: "Waltz" by Ada, 2026-01-31 (TS-...)."""
        return f'"{self.title}" by {self.owner}, {self.claimed[:10]} ({self.id})'

    def notes(self) -> Sketch:
        """The sketch, unpacked."""
        return _unpacked(self.sketch)

    def fault(self) -> str:
        """What is wrong with it, "" where statement, signature and sketch agree."""
        try:
            data = canonical(self.statement)
        except (TypeError, ValueError, RecursionError):
            return "its statement is damaged"
        if not is_signed(data, self.signature, self.statement["public_key"]):
            return "its signature does not fit: it was altered after it was signed"
        if _digest(self.sketch) != self.statement["sketch"]:
            return "its notes are not those that were signed"
        return ""

    def certificate(self) -> dict[str, Any]:
        """The claim as JSON values, complete in itself."""
        sketch = base64.b64encode(self.sketch).decode()
        return {
            "format": CERTIFICATE, "version": VERSION,
            "statement": self.statement, "signature": self.signature, "sketch": sketch,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """A claimed piece that a song is a copy of, and how much of one: exactly, or by ``likeness``."""

    claim: Claim
    exact: bool
    likeness: Likeness

    @property
    def line(self) -> str:
        """The match as a part of a sentence."""
        moved = self.likeness.semitones
        shift = f", {abs(moved)} semitones {'higher' if moved < 0 else 'lower'}" if moved else ""
        how = "the same notes" if self.exact else f"{self.likeness.similarity:.0%} the same notes"
        return f"{self.claim.line}: {how}{shift}"


class ClaimedAlready(TunesmithError):
    """A claim is refused for that of ``match``."""

    def __init__(self, match: Match) -> None:
        super().__init__(f"this piece is claimed already, as {match.line}")
        self.match = match


class Register(DatabaseOwner):
    """The open register; a context manager.

    Raises
    ------
    TunesmithError
        where the file cannot be used or was damaged; see `core.store.database`
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path or register_path(), "the register", KIND, MIGRATIONS)

    def claim(
        self, song: Song, owner: str, *, title: str = "", recipe: Mapping[str, Any] | None = None
    ) -> Claim:
        """Claim a piece for ``owner``, signed with the person's key.

        Raises
        ------
        ClaimedAlready
            where it, or a copy of it, is claimed already
        TunesmithError
            where it is too short to know again, or the register was tampered with
        """
        owner = _checked_name("the owner", owner)
        title = _checked_name("the title", title or song.title or "Untitled")
        sketch = sketch_of(song)
        packed, runs = _packed(sketch), Fingerprint(sketch).distinct_runs
        notes = pitched_notes(song)
        signer = Signer()
        with self._database.change() as connection:
            faults = self.faults()
            if faults:
                raise TunesmithError(f"nothing can be claimed: {faults[0]}")
            match = self.match(song)
            if match:
                raise ClaimedAlready(match)
            own = [claim for claim in self.claims() if claim.statement["public_key"] == signer.public_key]
            last = max(own, key=lambda claim: claim.statement["number"], default=None)
            claim = signed(
                {
                    "id": content_id(song), "owner": owner, "title": title, "claimed": now(),
                    "notes": len(sketch), "milliseconds": round(1000 * song.seconds),
                    "key": estimate_key(notes)[0].name if len(notes) else "", "recipe": dict(recipe or {}),
                    "number": last.statement["number"] + 1 if last else 1,
                    "previous": _digest(canonical(last.statement)) if last else "",
                },
                packed, runs, signer,
            )  # fmt: skip
            self._insert(connection, claim, runs)
        _write_head(claim, signer)
        return claim

    def match(self, song: Song) -> Match | None:
        """The claimed piece that a song is a copy of, the likest of them; None where it is free.

        Raises
        ------
        TunesmithError
            where it is too short to know again
        """
        fingerprint = Fingerprint(sketch_of(song))
        rows = self._database.rows("SELECT id, runs FROM claims")
        exact = content_id(song)
        names = [row["id"] for row in rows]
        found = likeliest(fingerprint.distinct_runs, [_runs(row["runs"]) for row in rows])
        candidates = dict.fromkeys([*(name for name in names if name == exact), *(names[i] for i in found)])
        matches = []
        for name in candidates:
            claim = self.get(name)
            likeness = compare(fingerprint, Fingerprint(claim.notes()))
            if name == exact or likeness.is_copy:
                matches.append(Match(claim, name == exact, likeness))
        return max(matches, key=lambda match: (match.exact, match.likeness.similarity), default=None)

    def get(self, name: str) -> Claim:
        """The claim of that id.

        Raises
        ------
        TunesmithError
            where there is none
        """
        rows = self._database.rows("SELECT * FROM claims WHERE id = ?", (name.strip().upper(),))
        if not rows:
            raise TunesmithError(f"there is no claim {name}; tunesmith register list shows them")
        return _claim_of(rows[0])

    def claims(self) -> list[Claim]:
        """All claims, by time."""
        found = map(_claim_of, self._database.rows("SELECT * FROM claims"))
        return sorted(found, key=_when)

    def valid_claims(self) -> list[Claim]:
        """The claims of which statement, signature and notes agree, by time."""
        rows = map(_checked_row, self._database.rows("SELECT * FROM claims"))
        return sorted((claim for claim, fault in rows if claim and not fault), key=_when)

    def faults(self) -> list[str]:
        """What does not agree in the register, a line each; [] where nobody tampered with it."""
        found, claims = [], []
        for row in self._database.rows("SELECT * FROM claims"):
            claim, fault = _checked_row(row)
            if claim and not fault:
                claims.append(claim)
            else:
                found.append(f"the claim {row['id']} is not valid, {fault}; {RESTORE}")
        public_key = known_public_key()
        if not found and public_key:
            own = [claim for claim in claims if claim.statement["public_key"] == public_key]
            found += _chain_faults(sorted(own, key=lambda claim: claim.statement["number"]))
        return found

    def take_in(self, certificates: Iterable[Claim]) -> tuple[list[Claim], list[tuple[Claim, str]]]:
        """Add claims made elsewhere, or our own from a backup.

        Returns
        -------
        added : those that are new
        refused : those that are not valid or claim a piece that is claimed already, each with the reason
        """
        added, refused = [], []
        for claim in certificates:
            reason = claim.fault()
            if not reason:
                fingerprint = Fingerprint(claim.notes())
                runs = fingerprint.distinct_runs
                reason = "" if _digest(_run_bytes(runs)) == claim.statement["runs"] else "its runs do not fit"
            if reason:
                refused.append((claim, reason))
                continue
            with self._database.change() as connection:
                reason = self._collision(claim, fingerprint)
                if reason == SAME:
                    continue
                if reason:
                    refused.append((claim, reason))
                else:
                    same = (claim.id, canonical(claim.statement))
                    connection.execute("DELETE FROM claims WHERE id = ? OR statement = ?", same)
                    self._insert(connection, claim, runs)
                    added.append(claim)
        return added, refused

    def _collision(self, claim: Claim, fingerprint: Fingerprint) -> str:
        """Why ``claim`` cannot stand beside those that are here."""
        rows = map(_checked_row, self._database.rows("SELECT * FROM claims"))
        # A damaged row keeps nobody from putting it right.
        others = {other.id: other for other, fault in rows if other and not fault}
        same = others.get(claim.id)
        if same:
            return SAME if same == claim else f"the piece is claimed already, as {same.line}"
        known = list(others.values())
        runs = [Fingerprint(other.notes()).distinct_runs for other in known]
        for index in likeliest(fingerprint.distinct_runs, runs):
            if compare(fingerprint, Fingerprint(known[index].notes())).is_copy:
                return f"the piece is claimed already, as {known[index].line}"
        return ""

    def _insert(self, connection: sqlite3.Connection, claim: Claim, runs: Runs) -> None:
        connection.execute(
            "INSERT INTO claims VALUES (?, ?, ?, ?, ?)",
            (claim.id, canonical(claim.statement), claim.signature, claim.sketch, _run_bytes(runs)),
        )


SAME = "it is here already"
RESTORE = "bring it back with tunesmith register import CERTIFICATE.json, or register.sqlite from a backup"


def register_path() -> Path:
    """Where the register lies."""
    return user_folder("data") / FILE_NAME


def head_path() -> Path:
    """Where the newest claim's number is noted, signed."""
    return user_folder("config") / HEAD_NAME


def signed(values: Mapping[str, Any], sketch: bytes, runs: Runs, signer: Signer) -> Claim:
    """The claim that ``values`` make with the digests of sketch and runs, signed."""
    statement = {
        "format": FORMAT, "version": VERSION, **values,
        "sketch": _digest(sketch), "runs": _digest(_run_bytes(runs)), "public_key": signer.public_key,
    }  # fmt: skip
    statement = json.loads(canonical(statement))
    return Claim(statement, signer.sign(canonical(statement)), sketch)


def save_certificates(path: Path, claims: Iterable[Claim]) -> int:
    """Write claims to one JSON file that `load_certificates` reads; how many they are."""
    certificates = [claim.certificate() for claim in claims]
    whole = {"format": REGISTER, "version": VERSION, "claims": certificates}
    write_bytes_atomic(path, _readable(whole))
    return len(certificates)


def save_certificate(path: Path, claim: Claim) -> None:
    """Write one claim as a JSON file."""
    write_bytes_atomic(path, _readable(claim.certificate()))


def load_certificates(path: Path) -> list[Claim]:
    """The claims in a certificate or in a register's export; their signatures are not yet checked.

    Raises
    ------
    TunesmithError
        where the file cannot be read or is neither
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"larger than {LARGEST_FILE >> 20} MiB")
        whole = json.loads(path.read_bytes())
        if not isinstance(whole, dict):
            raise ValueError("not a JSON object")
        if whole.get("format") not in (CERTIFICATE, REGISTER):
            raise ValueError("it does not say that it is one")
        if not isinstance(whole["version"], int):
            raise ValueError("it has no version")
        if whole["version"] > VERSION:
            raise TunesmithError(f"{path} was made with a newer Tunesmith; update Tunesmith to read it")
        entries = whole["claims"] if whole["format"] == REGISTER else [whole]
        return [
            Claim(
                _checked_statement(entry["statement"]),
                _text(entry["signature"]),
                base64.b64decode(_text(entry["sketch"]), validate=True),
            )
            for entry in entries
        ]
    except FileNotFoundError as error:
        raise TunesmithError(f"there is no file {path}; check the name") from error
    except OSError as error:
        raise TunesmithError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TunesmithError(f"{path} is no certificate and no register ({reason})") from error


def likeness_of(song: Song, claim: Claim) -> Likeness:
    """How much of the claimed piece a song is; `Likeness.is_copy` says whether it is it."""
    return compare(Fingerprint(sketch_of(song)), Fingerprint(claim.notes()))


def _when(claim: Claim) -> tuple[str, int]:
    return claim.claimed, claim.statement["number"]


def _chain_faults(claims: list[Claim]) -> list[str]:
    """What is missing among the claims made with one key, sorted by number."""
    before = ""
    for place, claim in enumerate(claims, 1):
        if claim.statement["number"] != place or claim.statement["previous"] != before:
            return [f"claim number {place} was taken out of the register; {RESTORE}"]
        before = _digest(canonical(claim.statement))
    head = _read_head()
    if head:
        number, last = head
        if number > len(claims):
            return [f"the register has {len(claims)} of your {number} claims; {RESTORE}"]
        if number and _digest(canonical(claims[number - 1].statement)) != last:
            return [f"claim number {number} is not the one that was made; {RESTORE}"]
    return []


def _write_head(claim: Claim, signer: Signer) -> None:
    head = {"number": claim.statement["number"], "last": _digest(canonical(claim.statement))}
    write_bytes_atomic(head_path(), canonical({**head, "signature": signer.sign(canonical(head))}))


def _read_head() -> tuple[int, str] | None:
    """Number and digest of the newest claim as noted; None where nothing (or nothing of ours) is noted."""
    try:
        noted = json.loads(head_path().read_bytes())
        head = {"number": noted["number"], "last": noted["last"]}
        if is_signed(canonical(head), noted["signature"], known_public_key()):
            return int(head["number"]), str(head["last"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _claim_of(row: sqlite3.Row) -> Claim:
    claim, fault = _checked_row(row)
    if claim is None:
        raise TunesmithError(f"the claim {row['id']} is not valid, {fault}; {RESTORE}")
    return claim


def _checked_row(row: sqlite3.Row) -> tuple[Claim | None, str]:
    """The claim in a row, if it can be read at all, and what is wrong with it."""
    try:
        claim = Claim(_checked_statement(json.loads(row["statement"])), row["signature"], row["sketch"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, "its statement is damaged"
    if row["id"] != claim.id or _digest(row["runs"]) != claim.statement["runs"]:
        return claim, "its row was altered"
    return claim, claim.fault()


def _checked_statement(statement: Any) -> dict[str, Any]:
    """``statement`` if it has every field with its type, and no other."""
    if not isinstance(statement, dict) or statement.get("format") != FORMAT:
        raise ValueError("the statement is of another kind")
    if not isinstance(statement.get("version"), int) or statement["version"] > VERSION:
        raise ValueError("the statement is of a newer version")
    if set(statement) != {"format", "version", *FIELDS}:
        raise ValueError("the statement has other fields")
    for name, kind in FIELDS.items():
        if type(statement[name]) is not kind:
            raise ValueError(f"{name} is not {kind.__name__}")
    return statement


def _checked_name(what: str, text: str) -> str:
    text = " ".join(text.split())
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise TunesmithError(f"{what} must be 1 to {LONGEST_NAME} letters; write a name")
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("text is missing")
    return value


def _readable(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _packed(sketch: Sketch) -> bytes:
    return zlib.compress(sketch.tobytes(), 9)


def _unpacked(data: bytes) -> Sketch:
    try:
        whole = zlib.decompressobj().decompress(data, LARGEST_SKETCH)
        sketch = np.frombuffer(whole, SKETCH)
        if not len(sketch) or sketch["pitch"].max() > 127 or np.any(np.diff(sketch["onset"]) < 0):
            raise ValueError("not in order")
    except (zlib.error, ValueError) as error:
        raise TunesmithError(f"the sketch of a claim is damaged ({error}); {RESTORE}") from error
    return sketch


def _runs(data: bytes) -> Runs:
    return np.frombuffer(data[: len(data) // RUN.itemsize * RUN.itemsize], RUN)


def _run_bytes(runs: Runs) -> bytes:
    return runs.astype(RUN).tobytes()
