"""The table of actions: no key twice, everything reachable, everything explained."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from desktop import theme
from desktop.actions import ACTIONS, MENUS, STAMPS, help_page
from desktop.controls.fuzzy import ranked, score
from desktop.roll.lane_header import LANES
from desktop.roll.navigation import KEYS as ROLL_KEYS
from tests.desktop.hands import CTRL, Hands


def test_every_action_has_keys_and_no_key_is_given_twice() -> None:
    keys = [QKeySequence(key).toString() for line in ACTIONS for key in line.keys]
    assert all(keys)
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert all(line.keys or "/" in line.menu for line in ACTIONS)
    assert len({line.id for line in ACTIONS}) == len(ACTIONS)
    assert {line.menu.split("/")[0] for line in ACTIONS} == set(MENUS)


def test_no_key_is_one_of_the_rolls_own() -> None:
    own = {QKeySequence(key.value | modifiers.value).toString() for key, modifiers in ROLL_KEYS}
    assert own.isdisjoint(QKeySequence(key).toString() for line in ACTIONS for key in line.keys)


def test_every_action_stands_in_its_menu_and_in_the_palette(hands: Hands) -> None:
    menus = {menu.title(): menu for menu in hands.studio.menuBar().findChildren(QMenu)}
    shown = {entry.value for entry in hands.studio.actions_.entries()}
    for line in ACTIONS:
        assert hands.studio.actions_.by_id[line.id] in menus[line.menu.split("/")[-1]].actions(), line.id
        assert line.id in shown


def test_an_action_that_cannot_be_done_says_why(hands: Hands) -> None:
    studio = hands.studio
    studio.actions_.refresh()
    for line in ACTIONS:
        action, why = studio.actions_.by_id[line.id], line.why_not(studio)
        assert action.isEnabled() == (not why), line.id
        if why:
            assert why in action.toolTip(), line.id
    assert "nothing to undo" in studio.actions_.by_id["undo"].toolTip()


def test_a_users_own_key_replaces_the_tables(make_studio) -> None:  # type: ignore[no-untyped-def]
    from desktop.actions import Actions

    hands = make_studio()
    actions = Actions(hands.studio, {"generate": "Ctrl+Alt+Shift+G"})
    assert actions.by_id["generate"].shortcut().toString() == "Ctrl+Alt+Shift+G"


def test_the_help_page_has_every_action_and_its_key(hands: Hands) -> None:
    page = help_page(hands.studio.actions_.by_id)
    for line in ACTIONS:
        assert line.title in page
        for key in line.keys:
            assert QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) in page


def test_every_chord_and_every_lane_can_be_chosen_from_the_palette(hands: Hands) -> None:
    roll = hands.studio.roll
    for _, kind in STAMPS[::-1]:
        hands.act(f"stamp_{'none' if kind is None else kind or 'major'}")
        assert (roll.chord_stamp, roll.tool) == (kind, "draw")
    for name in LANES[::-1]:
        hands.act(f"lane_{name.lower().replace(' ', '_')}")
        hands.studio.actions_.refresh()
        assert roll.lane_name == name
        on = [
            each.id
            for each in ACTIONS
            if each.menu.startswith("View/") and hands.studio.actions_.by_id[each.id].isChecked()
        ]
        assert on == [f"lane_{name.lower().replace(' ', '_')}"]


def test_the_palette_finds_by_a_few_letters_and_runs(hands: Hands) -> None:
    palette = hands.studio.palette_
    hands.press(Qt.Key.Key_P, CTRL)
    assert palette.isVisible()
    QTest.keyClicks(palette.field, "addtr")
    assert palette.shown[0].value == "track_add"
    before = len(hands.song.tracks)
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    QApplication.processEvents()
    assert not palette.isVisible()
    assert len(hands.song.tracks) == before + 1


def test_the_palette_does_not_run_what_cannot_be_done(hands: Hands) -> None:
    palette = hands.studio.palette_
    palette.open()
    QTest.keyClicks(palette.field, "redo")
    assert palette.shown[0].why_not == "nothing to redo"
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible()
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()


@pytest.mark.parametrize(
    ("query", "best"), [("exs", "Export sound"), ("gen", "Generate"), ("loop", "Loop"), ("wav", "Wave")]
)
def test_word_starts_and_runs_of_letters_count_most(query: str, best: str) -> None:
    texts = ["Export sound", "Next song", "Generate", "Legend", "Loop", "Clear pool", "Wave", "Two have"]
    assert ranked(query, [(text, text) for text in texts])[0] == best


def test_letters_must_all_occur_in_order() -> None:
    assert score("xz", "Export") is None
    assert score("tro", "Export") is None
    assert score("", "Export") == 0


def test_colours_change_at_once_and_icons_with_them(hands: Hands) -> None:
    def ink() -> set[str]:
        image = hands.studio.transport._buttons["stop"].icon().pixmap(16, 16).toImage()
        return {image.pixelColor(8, 8).name()}

    hands.studio.set_theme("dark")
    dark = ink()
    hands.act("theme")
    assert theme.tokens().name == "light"
    assert ink() == {theme.tokens().text} != dark
    hands.studio.set_theme("dark")
    assert ink() == dark
