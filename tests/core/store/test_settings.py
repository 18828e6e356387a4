import json

import pytest

from core.store.settings import RECENT_FILES_KEPT, Settings, load_settings, save_settings, settings_path


def test_settings_come_back_as_they_were_saved(home):
    settings = Settings(theme="light", scale=1.5, keys={"play": "Space"}, panels={"compose": {"bars": 16}})
    settings.remember_file("song.tunesmith")
    save_settings(settings)
    assert settings_path() == home / "config" / "settings.json"
    assert load_settings() == settings


def test_no_file_gives_the_defaults():
    assert load_settings() == Settings()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000, b'{"theme": '])
def test_an_unreadable_file_gives_the_defaults_and_is_kept(text):
    settings_path().write_bytes(text)
    assert load_settings() == Settings()
    assert settings_path().with_name("settings.json.bad").read_bytes() == text
    save_settings(Settings(author="Ada"))
    assert load_settings().author == "Ada"


def test_only_the_fields_that_fit_are_taken():
    saved = {
        "theme": "puce", "scale": 40, "author": 7, "metronome": 1, "recent_files": ["a", 3],
        "keys": {"play": "P", "stop": None}, "master_volume": 1, "invented": True, "grid": "1/8",
    }  # fmt: skip
    settings_path().write_text(json.dumps(saved))
    expected = Settings(recent_files=["a"], keys={"play": "P"}, master_volume=1.0, grid="1/8")
    assert load_settings() == expected


def test_recent_files_are_newest_first_without_repeats(tmp_path):
    settings = Settings()
    for number in [*range(20), 15]:
        settings.remember_file(tmp_path / f"{number}.mid")
    names = [path.rsplit("/", 1)[-1] for path in settings.recent_files]
    assert names[:3] == ["15.mid", "19.mid", "18.mid"]
    assert len(names) == len(set(names)) == RECENT_FILES_KEPT
