"""The commands around the register: who claims which piece."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.command import Answer, Command, check_folder, each_file, option
from core.errors import TunesmithError

if TYPE_CHECKING:
    from core.song.notes import Song
    from core.store.register import Claim, Match


def run_claim(options: argparse.Namespace) -> Answer:
    """Claim a piece, unless it or a copy of it is claimed."""
    from core.store.register import Register
    from core.store.song_file import read_song

    song = read_song(options.file)
    title = options.title or song.title or Path(options.file).stem
    with Register() as register:
        claim = register.claim(song, options.owner, title=title, recipe=_recipe(song))
    return Answer({"file": options.file, **values_of(claim)}, [f"claimed {claim.line}"])


def run_check(options: argparse.Namespace) -> Answer:
    """Tell whether songs are claimed, and by whom; or whether they are what a certificate speaks of."""
    from core.store.register import Register, likeness_of
    from core.store.song_file import read_song

    if options.certificate:
        claim = _certified(Path(options.certificate))

        def against(path: Path) -> dict[str, Any]:
            likeness = likeness_of(read_song(path), claim)
            return {"certified": likeness.is_copy, "similarity": likeness.similarity, **values_of(claim)}

        return each_file(options.files, against)
    with Register() as register:
        faults = register.faults()

        def job(path: Path) -> dict[str, Any]:
            return _match_values(register.match(read_song(path)))

        answer = each_file(options.files, job)
    return Answer({**answer.values, "faults": faults}, [*(answer.lines or ()), *faults], answer.exit_code)


def run_list(options: argparse.Namespace) -> Answer:
    """List all claims, and what does not agree in the register."""
    from core.store.register import Register

    with Register() as register:
        faults = register.faults()
        claims = [] if faults else register.claims()
    lines = [f"{claim.id}  {claim.claimed[:10]}  {claim.owner}: {claim.title}" for claim in claims]
    values = {"claims": list(map(values_of, claims)), "faults": faults}
    return Answer(values, faults or lines or ["nothing is claimed"], exit_code=2 if faults else 0)


def run_certificate(options: argparse.Namespace) -> Answer:
    """Write the certificate of a claim."""
    from core.store.certificate import WRITERS
    from core.store.register import Register

    path = Path(options.out)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise TunesmithError(f'cannot write "{path.name}": the name must end in {" or ".join(WRITERS)}')
    check_folder(path)
    with Register() as register:
        claim = register.get(options.id)
    fault = claim.fault()
    if fault:
        raise TunesmithError(f"there is no certificate for {claim.id}: {fault}")
    writer(path, claim)
    return Answer({"output": options.out, **values_of(claim)}, [f"{path}: {claim.line}"])


def run_export(options: argparse.Namespace) -> Answer:
    """Write all claims to one file."""
    from core.store.register import Register, save_certificates

    check_folder(options.out)
    with Register() as register:
        faults = register.faults()
        if faults:
            raise TunesmithError(f"the register was not exported: {faults[0]}")
        count = save_certificates(Path(options.out), register.claims())
    return Answer({"output": options.out, "claims": count})


def run_import(options: argparse.Namespace) -> Answer:
    """Add claims from certificates or another register, if their signatures hold."""
    from core.store.register import Register, load_certificates

    with Register() as register:

        def job(path: Path) -> dict[str, Any]:
            claims = load_certificates(path)
            added, refused = register.take_in(claims)
            if refused and not added and len(refused) == len(claims):
                raise TunesmithError(f"nothing was taken in: {refused[0][0].id}, {refused[0][1]}")
            return {
                "added": [claim.id for claim in added],
                "refused": [{"id": claim.id, "reason": reason} for claim, reason in refused],
            }

        return each_file(options.files, job)


def values_of(claim: Claim) -> dict[str, Any]:
    """A claim as JSON values, without its notes."""
    names = ("id", "owner", "title", "claimed", "notes", "key", "recipe", "number", "public_key")
    return {name: claim.statement[name] for name in names} | {"signature": claim.signature}


def _match_values(match: Match | None) -> dict[str, Any]:
    if match is None:
        return {"claimed": False}
    return {
        "claimed": True,
        "exact": match.exact,
        "similarity": match.likeness.similarity,
        "of_file": match.likeness.of_first,
        "of_claim": match.likeness.of_second,
        "semitones": -match.likeness.semitones,
        "id": match.claim.id,
        "owner": match.claim.owner,
        "title": match.claim.title,
        "since": match.claim.claimed,
    }


def _certified(path: Path) -> Claim:
    from core.store.register import load_certificates

    claims = load_certificates(path)
    if len(claims) != 1:
        raise TunesmithError(f"{path} holds {len(claims)} claims; give the certificate of one")
    fault = claims[0].fault()
    if fault:
        raise TunesmithError(f"the certificate {path} is not valid, {fault}")
    return claims[0]


def _recipe(song: Song) -> dict[str, Any]:
    """The recipe that the library has for the piece, {} where it has none."""
    from core.store.fingerprint import content_id
    from core.store.library import Library, Search, library_path

    if not library_path().exists() or not len(song.notes):
        return {}
    with Library() as library:
        found = library.find(Search(content_id=content_id(song), kind="composed", limit=1))
    return found[0].recipe if found else {}


FILES = option("files", nargs="+", metavar="FILE", help="MIDI or project files")

ACTIONS = (
    Command(
        "claim",
        "claim a piece for its owner, unless it is claimed already",
        "register claim song.mid --owner Ada",
        run_claim,
        (
            option("file", metavar="FILE", help="a MIDI or project file"),
            option("--owner", required=True, metavar="NAME", help="who claims it"),
            option("--title", default="", metavar="T", help="the song's own unless told"),
        ),
    ),
    Command(
        "check",
        "tell whether songs, or copies of them, are claimed",
        "register check song.mid",
        run_check,
        (FILES, option("--certificate", metavar="X.json", help="check against this certificate alone")),
    ),
    Command("list", "list all claims", "register list", run_list),
    Command(
        "certificate",
        "write the certificate of a claim",
        "register certificate TS-4KQ2-7ZMA-77XC-B3PD --out mine.pdf",
        run_certificate,
        (
            option("id", metavar="ID", help="the id that register list shows"),
            option("--out", required=True, metavar="X.json|X.pdf", help="JSON can be checked, PDF be framed"),
        ),
    ),
    Command(
        "export",
        "write all claims to one file, for others or as a backup",
        "register export --out claims.json",
        run_export,
        (option("--out", required=True, metavar="X.json", help="where to write"),),
    ),
    Command(
        "import",
        "add claims from certificates or from another register, if their signatures hold",
        "register import claims.json",
        run_import,
        (option("files", nargs="+", metavar="X.json", help="what export or certificate wrote"),),
    ),
)

COMMANDS = (
    Command(
        "register",
        "claim pieces, and check whether they are claimed",
        "register check song.mid",
        run_check,
        actions=ACTIONS,
    ),
)
