"""The commands around personal styles; `tunesmith learn personal` makes one."""

from __future__ import annotations

import argparse

from core.cli.command import Answer, Command, option


def run_list(_: argparse.Namespace) -> Answer:
    """List the personal styles."""
    from core.compose import flagship, personal

    weights = flagship.model_file().card.get("sha256")
    styles = [
        {
            "name": style.name,
            "pieces": style.card.get("pieces"),
            "notes": style.card.get("notes"),
            "figures": style.card.get("figures"),
            "usable": style.card.get("network_sha256") == weights,
        }
        for style in personal.saved()
    ]
    lines = [
        f"{style['name']}  {style['pieces']} pieces, {style['notes']} notes"
        + ("" if style["usable"] else "; tuned for other weights, tune it anew")
        for style in styles
    ]
    return Answer(
        {"styles": styles},
        lines or ["there is none yet; make one with: tunesmith learn personal --data FOLDER --name NAME"],
    )


def run_delete(options: argparse.Namespace) -> Answer:
    """Remove a personal style for good."""
    from core.compose import personal

    personal.delete(options.name)
    return Answer({"deleted": options.name})


COMMANDS = (
    Command(
        "personal",
        "list or delete the personal styles that learn personal made",
        "personal list",
        run_list,
        actions=(
            Command("list", "list the personal styles", "personal list", run_list),
            Command(
                "delete",
                "remove a personal style for good",
                "personal delete mine",
                run_delete,
                (option("name", metavar="NAME", help="as personal list tells it"),),
            ),
        ),
    ),
)
