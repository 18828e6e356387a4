"""The command that lists what can be used: generators, classifiers, embeddings."""

from __future__ import annotations

import argparse

from core.cli.command import Answer, Command

FIELDS = ("name", "room", "parameters", "bytes", "trained_on", "licence", "figures")


def run_models(options: argparse.Namespace) -> Answer:
    """List the models on this machine, from their cards."""
    from core.store.model_file import find_models

    models = [{name: model.card.get(name) for name in FIELDS} for model in find_models()]
    lines = [
        f"{model['name']:16} {model['room'] or '':8} {model['parameters'] or 0:>12,} parameters  "
        f"{model['licence'] or ''}"
        for model in models
    ]
    return Answer({"models": models}, lines or ["no models; assets/models is empty"])


COMMANDS = (Command("models", "list every generator, classifier and embedding", "models --json", run_models),)
