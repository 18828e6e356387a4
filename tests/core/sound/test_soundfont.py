from pathlib import Path

import pytest

from core.errors import TunesmithError
from core.sound import soundfont

HEADER = b"RIFF\x04\x00\x00\x00sfbk"


@pytest.fixture
def fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(soundfont.ENVIRONMENT_VARIABLE, raising=False)
    for name in (
        "harp.sf2", "tunesmith.sf2", "TimGM6mb.sf2", "FluidR3Mono_GM.sf3", "FluidR3_GM.sf2",
        "MuseScore_General.sf3",
    ):  # fmt: skip
        (tmp_path / name).write_bytes(HEADER)
    (tmp_path / "broken.sf2").write_bytes(b"not a font")
    return tmp_path


def test_fonts_are_ranked_by_worth_and_the_built_in_one_comes_after_every_known_one(fonts):
    names = [path.name for path in soundfont.find_soundfonts(folders=[fonts])]
    assert names == [
        "FluidR3_GM.sf2", "MuseScore_General.sf3", "FluidR3Mono_GM.sf3", "TimGM6mb.sf2",
        "tunesmith.sf2", "harp.sf2",
    ]  # fmt: skip


def test_the_users_choice_comes_first_by_argument_and_by_environment(fonts, monkeypatch):
    harp = fonts / "harp.sf2"
    assert soundfont.find_soundfonts(harp, folders=[fonts])[0] == harp
    monkeypatch.setenv(soundfont.ENVIRONMENT_VARIABLE, str(harp))
    assert soundfont.find_soundfonts(folders=[fonts])[0] == harp
    assert soundfont.default_soundfont() == harp


def test_links_to_one_font_are_one_font_and_ranked_by_what_they_point_to(fonts):
    (fonts / "default-GM.sf2").symlink_to(fonts / "harp.sf2")
    found = soundfont.find_soundfonts(folders=[fonts])
    assert [path.name for path in found].count("harp.sf2") == 1
    assert found[-1].name == "harp.sf2"


def test_the_quick_font_is_the_best_that_needs_no_unpacking(fonts):
    (fonts / "FluidR3_GM.sf2").unlink()
    quick = soundfont.quick_soundfont(soundfont.find_soundfonts(folders=[fonts]))
    assert quick is not None
    assert quick.name == "TimGM6mb.sf2"
    assert soundfont.quick_soundfont([]) is None


def test_a_file_that_is_no_soundfont_is_refused_in_one_line(fonts, tmp_path):
    with pytest.raises(TunesmithError, match=r"broken\.sf2 is not a soundfont; choose a \.sf2 or \.sf3 file"):
        soundfont.check_soundfont(fonts / "broken.sf2")
    with pytest.raises(TunesmithError, match="cannot be read"):
        soundfont.default_soundfont(tmp_path / "none.sf2")


def test_a_frozen_program_finds_the_font_in_its_bundle(tmp_path, monkeypatch):
    monkeypatch.setattr("sys._MEIPASS", str(tmp_path), raising=False)
    assert soundfont.own_folder() == tmp_path / "soundfonts"


def test_every_system_has_folders_to_look_in(monkeypatch):
    for platform in ("linux", "darwin", "win32"):
        monkeypatch.setattr("sys.platform", platform)
        assert all("~" not in str(folder) for folder in soundfont.system_folders())
        assert len(soundfont.system_folders()) >= 4
