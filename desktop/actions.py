"""Everything the window can do, in one table.

A row says what an action is called, which keys it has, in which menu it stands, when it can be done (and
why not), and what it does. Menus, tool tips, the command palette and the help page are made of this table;
a test holds that no key is given twice. A user's own keys (settings) replace those given here.

``run``, ``why_not`` and ``checked`` get the `desktop.main_window.Studio`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from desktop.controls.search_list import Entry
from desktop.roll.lane_header import LANES
from desktop.spectrogram.transforms import TRANSFORMS

if TYPE_CHECKING:
    from desktop.main_window import Studio

Run = Callable[["Studio"], object]
WhyNot = Callable[["Studio"], str]

MENUS = ("File", "Edit", "Notes", "Track", "Transport", "Compose", "Listen", "Explore", "View", "Help")


def always(studio: Studio) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action.

    Attributes
    ----------
    id : its name in settings and tests
    keys : shortcuts, the first is shown; none for the choices of an inner menu
    menu : one of `MENUS`, or "Notes/Draw chords" for a menu inside one; a leading "-" on ``text`` sets a line
        above it
    why_not : "" while it can be done, else why it cannot
    checked : for actions that are on or off, whether it is on
    in_roll : its keys work only while the piano roll has the focus (arrow keys, Del, Esc)
    """

    id: str
    text: str
    keys: tuple[str, ...]
    menu: str
    run: Run
    why_not: WhyNot = always
    checked: Callable[[Studio], bool] | None = None
    in_roll: bool = False

    @property
    def title(self) -> str:
        return self.text.removeprefix("-")


def _selected(studio: Studio) -> str:
    return "" if len(studio.document.selection) else "select notes first"


def _has_notes(studio: Studio) -> str:
    return "" if len(studio.document.song.notes) else "the song has no notes yet"


def _has_track(studio: Studio) -> str:
    return "" if studio.document.song.tracks else "there is no track yet"


def _can_undo(studio: Studio) -> str:
    return "" if studio.document.can_undo else "nothing to undo"


def _can_redo(studio: Studio) -> str:
    return "" if studio.document.can_redo else "nothing to redo"


def _sounds(studio: Studio) -> str:
    return studio.playback.why_silent


def _not_first(studio: Studio) -> str:
    return _has_track(studio) or ("" if studio.document.current_track > 0 else "it is the first track")


def _not_last(studio: Studio) -> str:
    last = len(studio.document.song.tracks) - 1
    return _has_track(studio) or ("" if studio.document.current_track < last else "it is the last track")


def _composing(studio: Studio) -> str:
    return "" if studio.session.busy else "nothing is being composed"


def _result(studio: Studio) -> str:
    chosen = studio.session.chosen
    return "" if chosen is not None and chosen.is_usable and chosen.is_over else "choose a result first"


def _comparable(studio: Studio) -> str:
    usable = [variant for variant in studio.session.variants if variant.is_usable]
    return _result(studio) or ("" if len(usable) > 1 else "there is no other result")


def _past(studio: Studio) -> str:
    return "" if studio.session.past else "nothing was asked for yet"


def _results(studio: Studio) -> str:
    return "" if studio.session.variants else "there are no results yet"


def _insight(studio: Studio) -> str:
    return studio.readings.why_not()


def _one_note(studio: Studio) -> str:
    return _selected(studio) or _insight(studio)


def _modified_or_new(studio: Studio) -> str:
    return "" if studio.document.modified or studio.document.path is None else "there is nothing new to save"


def _heard(studio: Studio) -> str:
    return studio.listen.why_not_use()


def _listening(studio: Studio) -> str:
    listener = studio.listen.listener
    return "" if listener.state == "busy" or listener.is_comparing else "nothing is being listened to"


def _comparable_models(studio: Studio) -> str:
    report = studio.listen.listener.report
    known = report is not None and report.kind == "audio" and studio.listen.listener.path is not None
    return "" if known else "listen to a sound file first"


def _picture(studio: Studio) -> str:
    return "" if studio.spectrogram_place else "show the spectrogram first"


def _hearable(studio: Studio) -> str:
    return _picture(studio) or studio.spectrogram.why_not_hear()


def _mapped(studio: Studio) -> str:
    return studio.explore.why_not()


def _on_map(studio: Studio) -> str:
    return studio.explore.why_not_piece()


def _alike(studio: Studio) -> str:
    return studio.explore.why_not_compose()


def _path(studio: Studio) -> str:
    return "" if studio.explore.way.stops else "find a path on the map first"


def _drawing(studio: Studio) -> str:
    return "" if studio.explore.explorer.busy else "nothing is being put on the map"


def _explained(studio: Studio) -> str:
    return _picture(studio) or studio.listen.listener.why_no_saliency()


def _stamp(text: str, kind: str | None) -> ActionRow:
    """The draw tool writes this chord, or single notes (None); choosing one takes the tool in hand."""

    def run(studio: Studio) -> None:
        studio.roll.chord_stamp = kind
        studio.set_tool("draw")

    name = "none" if kind is None else kind or "major"
    return ActionRow(f"stamp_{name}", f"Draw {text}", (), "Notes/Draw chords", run, _has_track,
                     lambda s: s.roll.chord_stamp == kind)  # fmt: skip


def _lane(name: str) -> ActionRow:
    return ActionRow(
        f"lane_{name.lower().replace(' ', '_')}", f"Lane: {name.lower()}", (), "View/Lane under the notes",
        lambda s: setattr(s.roll, "lane_name", name), always, lambda s: s.roll.lane_name == name,
    )  # fmt: skip


def _transform(name: str) -> ActionRow:
    def run(studio: Studio) -> None:
        studio.spectrogram.set_transform(name)
        if not studio.spectrogram_place:
            studio.place_spectrogram("below")

    return ActionRow(
        f"spectrogram_{name}", TRANSFORMS[name].description, (), "View/Spectrogram", run, always,
        lambda s: bool(s.spectrogram_place) and s.spectrogram.canvas.transform == name,
    )  # fmt: skip


def _place(studio: Studio, place: str) -> None:
    studio.place_spectrogram("" if studio.spectrogram_place == place else place)


STAMPS = (
    ("single notes", None), ("major chords", ""), ("minor chords", "m"), ("seventh chords", "7"),
    ("major seventh chords", "maj7"), ("minor seventh chords", "m7"), ("diminished chords", "dim"),
    ("augmented chords", "aug"), ("suspended chords", "sus4"),
)  # fmt: skip
"""What the draw tool can write: text, and a name in `core.song.harmony.CHORDS`."""

ACTIONS: tuple[ActionRow, ...] = (
    # File
    ActionRow("new", "New song", ("Ctrl+N",), "File", lambda s: s.files.new()),
    ActionRow("open", "Open…", ("Ctrl+O",), "File", lambda s: s.files.ask_open()),
    ActionRow("add_file", "Add a MIDI file as tracks…", ("Ctrl+Shift+O",), "File", lambda s: s.files.ask_add()),
    ActionRow("save", "-Save", ("Ctrl+S",), "File", lambda s: s.files.save(), _modified_or_new),
    ActionRow("save_as", "Save as…", ("Ctrl+Shift+S",), "File", lambda s: s.files.ask_save()),
    ActionRow("export_audio", "-Export sound…", ("Ctrl+E",), "File", lambda s: s.files.ask_export_audio(), _has_notes),
    ActionRow("export_midi", "Export MIDI…", ("Ctrl+Shift+E",), "File", lambda s: s.files.ask_export_midi(), _has_notes),
    ActionRow("library_find", "-Find in the library", ("Ctrl+F",), "File", lambda s: (s.show_panel("library"), s.library.start_search())),
    ActionRow("library_keep", "Keep in the library", ("Ctrl+Shift+K",), "File", lambda s: s.library.keep_song(), _has_notes),
    ActionRow("library_claim", "Claim this song…", ("Ctrl+Shift+C",), "File", lambda s: (s.show_panel("library"), s.library.claim_song()), _has_notes),
    ActionRow("settings", "-Settings…", ("Ctrl+,",), "File", lambda s: s.show_settings()),
    ActionRow("quit", "Quit", ("Ctrl+Q",), "File", lambda s: s.close()),
    # Edit
    ActionRow("undo", "Undo", ("Ctrl+Z",), "Edit", lambda s: s.undo(), _can_undo),
    ActionRow("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Edit", lambda s: s.redo(), _can_redo),
    ActionRow("cut", "-Cut", ("Ctrl+X",), "Edit", lambda s: s.roll.cut(), _selected),
    ActionRow("copy", "Copy", ("Ctrl+C",), "Edit", lambda s: s.roll.copy(), _selected),
    ActionRow("paste", "Paste at play-head", ("Ctrl+V",), "Edit", lambda s: s.roll.paste(), _has_track),
    ActionRow("duplicate", "Duplicate notes", ("Ctrl+D",), "Edit", lambda s: s.roll.duplicate(), _selected),
    ActionRow("delete", "Delete notes", ("Del", "Backspace"), "Edit", lambda s: s.roll.delete(), _selected, in_roll=True),
    ActionRow("select_all", "-Select all notes of the track", ("Ctrl+A",), "Edit", lambda s: s.roll.select_all(), _has_notes),
    ActionRow("escape", "Clear selection, then silence", ("Esc",), "Edit", lambda s: s.escape(), in_roll=True),
    # Notes
    ActionRow("semitone_up", "Up a semitone", ("Up",), "Notes", lambda s: s.roll.transpose(1), _selected, in_roll=True),
    ActionRow("semitone_down", "Down a semitone", ("Down",), "Notes", lambda s: s.roll.transpose(-1), _selected, in_roll=True),
    ActionRow("octave_up", "Up an octave", ("Shift+Up",), "Notes", lambda s: s.roll.transpose(12), _selected, in_roll=True),
    ActionRow("octave_down", "Down an octave", ("Shift+Down",), "Notes", lambda s: s.roll.transpose(-12), _selected, in_roll=True),
    ActionRow("step_up", "Up a scale step", ("Alt+Up",), "Notes", lambda s: s.roll.transpose_scale(1), _selected, in_roll=True),
    ActionRow("step_down", "Down a scale step", ("Alt+Down",), "Notes", lambda s: s.roll.transpose_scale(-1), _selected, in_roll=True),
    ActionRow("nudge_left", "-Nudge earlier", ("Left",), "Notes", lambda s: s.roll.nudge(-1), _selected, in_roll=True),
    ActionRow("nudge_right", "Nudge later", ("Right",), "Notes", lambda s: s.roll.nudge(1), _selected, in_roll=True),
    ActionRow("shorter", "Shorter", ("Shift+Left",), "Notes", lambda s: s.roll.lengthen(-1), _selected, in_roll=True),
    ActionRow("longer", "Longer", ("Shift+Right",), "Notes", lambda s: s.roll.lengthen(1), _selected, in_roll=True),
    ActionRow("louder", "Louder", ("]",), "Notes", lambda s: s.roll.change_velocity(6), _selected, in_roll=True),
    ActionRow("softer", "Softer", ("[",), "Notes", lambda s: s.roll.change_velocity(-6), _selected, in_roll=True),
    ActionRow("quantise", "-Quantise to the grid", ("Q",), "Notes", lambda s: s.roll.quantise(), _has_notes),
    ActionRow("quantise_options", "Quantise with options…", ("Shift+Q",), "Notes", lambda s: s.roll.show_quantise(), _has_notes),
    ActionRow("humanise", "Humanise", ("H",), "Notes", lambda s: s.roll.humanise(), _has_notes),
    ActionRow("legato", "Legato", ("Ctrl+L",), "Notes", lambda s: s.roll.legato(), _has_notes),
    ActionRow("strum", "Strum", ("U",), "Notes", lambda s: s.roll.strum(), _selected),
    ActionRow("reverse", "Reverse", ("Ctrl+Shift+R",), "Notes", lambda s: s.roll.reverse(), _selected),
    ActionRow("invert", "Invert", ("Ctrl+Shift+V",), "Notes", lambda s: s.roll.invert(), _selected),
    ActionRow("split", "-Split at play-head", ("Ctrl+K",), "Notes", lambda s: s.roll.split_at_playhead(), _has_notes),
    ActionRow("glue", "Glue", ("Ctrl+J",), "Notes", lambda s: s.roll.glue(), _selected),
    *(_stamp(text, kind) for text, kind in STAMPS),
    # Track
    ActionRow("track_add", "Add a track", ("Ctrl+T",), "Track", lambda s: s.add_track()),
    ActionRow("track_duplicate", "Duplicate track", ("Ctrl+Shift+D",), "Track", lambda s: s.duplicate_track(), _has_track),
    ActionRow("track_remove", "Remove track", ("Ctrl+Backspace",), "Track", lambda s: s.remove_track(), _has_track),
    ActionRow("track_up", "-Move track up", ("Ctrl+Shift+Up",), "Track", lambda s: s.move_track(-1), _not_first),
    ActionRow("track_down", "Move track down", ("Ctrl+Shift+Down",), "Track", lambda s: s.move_track(1), _not_last),
    ActionRow("track_previous", "Previous track", ("Ctrl+PgUp",), "Track", lambda s: s.step_track(-1), _not_first),
    ActionRow("track_next", "Next track", ("Ctrl+PgDown",), "Track", lambda s: s.step_track(1), _not_last),
    ActionRow("mute", "-Mute track", ("M",), "Track", lambda s: s.toggle_mute(), _has_track,
              lambda s: s.document.current_track in s.document.muted),
    ActionRow("solo", "Solo track", ("S",), "Track", lambda s: s.toggle_solo(), _has_track,
              lambda s: s.document.current_track in s.document.soloed),
    # Transport
    ActionRow("play", "Play or pause", ("Space",), "Transport", lambda s: s.playback.toggle(), _sounds),
    ActionRow("stop", "Stop", ("Shift+Space",), "Transport", lambda s: s.playback.stop(), _sounds),
    ActionRow("start", "To the start", ("Return", "Home"), "Transport", lambda s: s.playback.seek(0), in_roll=True),
    ActionRow("loop", "-Loop", ("Shift+L",), "Transport", lambda s: s.toggle_loop(), _has_notes,
              lambda s: s.document.loop is not None),
    ActionRow("loop_selection", "Loop the selection", ("L",), "Transport", lambda s: s.roll.loop_selection(), _selected),
    ActionRow("metronome", "Metronome", ("K",), "Transport", lambda s: s.toggle_metronome(), always,
              lambda s: s.playback.metronome),
    ActionRow("follow", "Follow the play-head", ("Shift+F",), "Transport", lambda s: s.toggle_follow(), always,
              lambda s: bool(s.roll.follow)),
    ActionRow("panic", "Silence all notes", ("Ctrl+.",), "Transport", lambda s: s.playback.panic(), _sounds),
    # Compose
    ActionRow("generate", "Generate", ("Ctrl+G",), "Compose", lambda s: s.compose_panel.generate(),
              lambda s: s.compose_panel.why_not()),
    ActionRow("continue", "Continue the song", ("Ctrl+Shift+G",), "Compose", lambda s: s.compose_panel.generate("continue"),
              lambda s: s.compose_panel.why_not("continue")),
    ActionRow("fill", "Fill the selection", ("Ctrl+I",), "Compose", lambda s: s.compose_panel.generate("fill"),
              lambda s: s.compose_panel.why_not("fill")),
    ActionRow("vary", "Vary the song or the selection", ("Ctrl+Shift+I",), "Compose", lambda s: s.compose_panel.generate("vary"),
              lambda s: s.compose_panel.why_not("vary")),
    ActionRow("accompany", "Accompany with the instruments asked for", ("Ctrl+Alt+I",), "Compose",
              lambda s: s.compose_panel.generate("accompany"), lambda s: s.compose_panel.why_not("accompany")),
    ActionRow("endless", "Endless: compose on while it plays", ("Ctrl+Shift+Space",), "Compose", lambda s: s.toggle_endless(),
              lambda s: "" if s.endless.on else s.compose_panel.why_not_endless(), lambda s: s.endless.on),
    ActionRow("cancel", "Cancel composing", ("Ctrl+Alt+G",), "Compose", lambda s: s.session.cancel(), _composing),
    ActionRow("result_use", "-Use the chosen result", ("Ctrl+Return",), "Compose", lambda s: s.use_result(), _result),
    ActionRow("result_next", "Next result", ("Alt+Right",), "Compose", lambda s: s.session.choose_next(), _results),
    ActionRow("result_previous", "Previous result", ("Alt+Left",), "Compose", lambda s: s.session.choose_next(-1), _results),
    ActionRow("result_compare", "Compare with the next of its kind", ("Tab",), "Compose", lambda s: s.session.compare(),
              _comparable, in_roll=True),
    ActionRow("result_star", "Keep the chosen result", ("Ctrl+Alt+S",), "Compose", lambda s: s.star_result(), _result,
              lambda s: s.session.chosen is not None and s.session.chosen.starred),
    ActionRow("result_none", "Back to the song", ("Ctrl+Shift+Return",), "Compose", lambda s: s.session.choose(None), _result),
    ActionRow("result_discard", "Discard the chosen result", ("Ctrl+Del",), "Compose", lambda s: s.discard_result(), _result),
    ActionRow("history", "Ask again for an earlier result…", ("Ctrl+H",), "Compose", lambda s: s.compose_panel.show_history(), _past),
    ActionRow("lock", "-Lock the selected notes", ("Shift+K",), "Compose", lambda s: s.roll.toggle_lock(), _selected,
              lambda s: s.roll.selection_is_locked),
    ActionRow("unlock_all", "Unlock all notes", ("Ctrl+Alt+K",), "Compose", lambda s: s.document.set_locked(s.document.locked, False),
              lambda s: "" if len(s.document.locked) else "no note is locked"),
    ActionRow("alternatives", "Alternatives for the note…", ("A",), "Compose", lambda s: s.alternatives.open(), _one_note),
    # Listen
    ActionRow("listen_file", "Listen to a file…", ("Ctrl+Alt+O",), "Listen", lambda s: s.listen.ask_file()),
    ActionRow("listen_song", "Listen to this song", ("Ctrl+Alt+L",), "Listen", lambda s: s.listen.listen_to_song(), _has_notes),
    ActionRow("listen_folder", "Listen to a folder…", ("Ctrl+Alt+F",), "Listen", lambda s: s.listen.ask_folder()),
    ActionRow("listen_cancel", "Cancel listening", ("Ctrl+Alt+X",), "Listen", lambda s: s.listen.listener.cancel(), _listening),
    ActionRow("listen_use", "-Use tempo, key and chords in Compose", ("Ctrl+Alt+U",), "Listen",
              lambda s: s.listen.use_in_compose(), _heard),
    ActionRow("listen_compare", "Ask every model", ("Ctrl+Alt+C",), "Listen", lambda s: s.listen.compare(), _comparable_models),
    ActionRow("spectrogram_file", "-See the sound of a file…", ("Ctrl+Alt+E",), "Listen", lambda s: s.ask_sound()),
    ActionRow("spectrogram_song", "See the sound of this song", ("Ctrl+Alt+W",), "Listen", lambda s: s.show_song_sound()),
    ActionRow("spectrogram_hear", "Hear the marked sound", ("Ctrl+Space",), "Listen", lambda s: s.spectrogram.toggle_hearing(),
              _hearable, lambda s: s.spectrogram.audition.is_playing),
    ActionRow("spectrogram_saliency", "Show what spoke for the verdict", ("Ctrl+Alt+Y",), "Listen",
              lambda s: s.spectrogram.saliency.toggle(), _explained, lambda s: s.spectrogram.saliency.isChecked()),
    # Explore
    ActionRow("explore_find", "Find on the map", ("Ctrl+Alt+M",), "Explore", lambda s: s.explore.start_search(), _mapped),
    ActionRow("explore_files", "-Add files to the map…", ("Ctrl+Alt+A",), "Explore", lambda s: s.explore.ask_files()),
    ActionRow("explore_folder", "Add a folder to the map…", ("Ctrl+Alt+D",), "Explore", lambda s: s.explore.ask_folder()),
    ActionRow("explore_cancel", "Stop adding", ("Ctrl+Alt+Z",), "Explore", lambda s: s.explore.explorer.cancel(), _drawing),
    ActionRow("explore_path", "-Path from the chosen piece", ("Ctrl+Alt+P",), "Explore",
              lambda s: s.explore.map.begin_path(s.explore.map.current), _on_map),
    ActionRow("explore_next", "Next stop of the path", ("Ctrl+Alt+Right",), "Explore", lambda s: s.explore.walk.step(1), _path),
    ActionRow("explore_previous", "Previous stop of the path", ("Ctrl+Alt+Left",), "Explore", lambda s: s.explore.walk.step(-1), _path),
    ActionRow("explore_compose", "Compose like the chosen pieces", ("Ctrl+Alt+J",), "Explore",
              lambda s: s.explore.compose_like_chosen(), _alike),
    ActionRow("explore_picture", "-Export the map's picture…", ("Ctrl+Alt+Q",), "Explore", lambda s: s.explore.export_picture(), _mapped),
    ActionRow("explore_table", "Export the map's table…", ("Ctrl+Alt+B",), "Explore", lambda s: s.explore.export_table(), _mapped),
    ActionRow("explore_anew", "-Draw the map anew", ("Ctrl+Alt+R",), "Explore", lambda s: s.explore.explorer.refresh(anew=True), _mapped),
    ActionRow("explore_motion", "Let points move to a new map", ("Ctrl+Alt+V",), "Explore",
              lambda s: s.explore.set_animated(not s.explore.map.animated), always, lambda s: s.explore.map.animated),
    ActionRow("explore_large", "Map in place of the roll", ("Ctrl+7",), "Explore", lambda s: s.place_map(not s.map_is_large), always,
              lambda s: s.map_is_large),
    # View
    ActionRow("palette", "Command palette", ("Ctrl+P", "F3"), "View", lambda s: s.show_palette()),
    ActionRow("fit", "-Fit the song", ("F",), "View", lambda s: s.roll.fit()),
    ActionRow("zoom_selection", "Zoom to the selection", ("Z",), "View", lambda s: s.roll.zoom_to_selection(), _selected),
    ActionRow("zoom_back", "Zoom back", ("Shift+Z",), "View", lambda s: s.roll.zoom_back()),
    ActionRow("zoom_in", "Zoom in", ("Ctrl+=", "Ctrl++"), "View", lambda s: s.zoom(1.25)),
    ActionRow("zoom_out", "Zoom out", ("Ctrl+-",), "View", lambda s: s.zoom(0.8)),
    ActionRow("tool_select", "-Select tool", ("1",), "View", lambda s: s.set_tool("select"), always, lambda s: s.roll.tool == "select"),
    ActionRow("tool_draw", "Draw tool", ("2",), "View", lambda s: s.set_tool("draw"), always, lambda s: s.roll.tool == "draw"),
    ActionRow("tool_erase", "Erase tool", ("3",), "View", lambda s: s.set_tool("erase"), always, lambda s: s.roll.tool == "erase"),
    ActionRow("tool_split", "Split tool", ("4",), "View", lambda s: s.set_tool("split"), always, lambda s: s.roll.tool == "split"),
    ActionRow("tool_glue", "Glue tool", ("5",), "View", lambda s: s.set_tool("glue"), always, lambda s: s.roll.tool == "glue"),
    ActionRow("tool_toggle", "Draw or select", ("B",), "View", lambda s: s.set_tool("select" if s.roll.tool == "draw" else "draw")),
    ActionRow("ghost_tracks", "-Show other tracks' notes", ("Shift+G",), "View", lambda s: s.toggle_roll("show_ghost_tracks"), always,
              lambda s: bool(s.roll.show_ghost_tracks)),
    ActionRow("chord_lane", "Show chord names", ("Shift+C",), "View", lambda s: s.toggle_roll("show_chords"), always,
              lambda s: bool(s.roll.show_chords)),
    ActionRow("surprise", "Colour by surprise", ("Shift+U",), "View", lambda s: s.surprise.set_on(not s.surprise.on),
              lambda s: _has_notes(s) or _insight(s), lambda s: s.surprise.on),
    ActionRow("scale_tint", "Tint the rows of the key", ("Shift+H",), "View", lambda s: s.toggle_roll("highlight_scale"), always,
              lambda s: bool(s.roll.highlight_scale)),
    ActionRow("scale_snap", "Draw in the key only", ("Shift+S",), "View", lambda s: s.toggle_roll("snap_to_scale"), always,
              lambda s: bool(s.roll.snap_to_scale)),
    ActionRow("scale_fold", "Hide the rows outside the key", ("Shift+T",), "View", lambda s: s.toggle_roll("fold"), always,
              lambda s: bool(s.roll.fold)),
    *(_lane(name) for name in LANES),
    ActionRow("panel_tracks", "Tracks panel", ("Ctrl+1",), "View", lambda s: s.toggle_panel("tracks"), always,
              lambda s: s.panel_is_shown("tracks")),
    ActionRow("panel_compose", "Compose panel", ("Ctrl+2",), "View", lambda s: s.toggle_panel("compose"), always,
              lambda s: s.panel_is_shown("compose")),
    ActionRow("panel_library", "Library panel", ("Ctrl+3",), "View", lambda s: s.toggle_panel("library"), always,
              lambda s: s.panel_is_shown("library")),
    ActionRow("panel_listen", "Listen panel", ("Ctrl+4",), "View", lambda s: s.toggle_panel("listen"), always,
              lambda s: s.panel_is_shown("listen")),
    ActionRow("panel_explore", "Explore panel", ("Ctrl+8",), "View", lambda s: s.toggle_panel("explore"), always,
              lambda s: s.panel_is_shown("explore")),
    ActionRow("spectrogram_below", "-Spectrogram below the roll", ("Ctrl+5",), "View", lambda s: _place(s, "below"), always,
              lambda s: s.spectrogram_place == "below"),
    ActionRow("spectrogram_instead", "Spectrogram in place of the roll", ("Ctrl+6",), "View", lambda s: _place(s, "instead"),
              always, lambda s: s.spectrogram_place == "instead"),
    *(_transform(name) for name in TRANSFORMS),
    ActionRow("spectrogram_fit", "Fit the sound", ("Ctrl+Alt+0",), "View", lambda s: s.spectrogram.show_all(), _picture),
    ActionRow("theme", "-Next colours: dark, light, high contrast", ("Ctrl+Alt+T",), "View", lambda s: s.next_theme()),
    ActionRow("full_screen", "Full screen", ("F11",), "View", lambda s: s.toggle_full_screen(), always,
              lambda s: s.isFullScreen()),
    # Help
    ActionRow("help", "Keys and gestures", ("F1",), "Help", lambda s: s.show_help()),
    ActionRow("health", "What is missing", ("Shift+F1",), "Help", lambda s: s.show_health()),
    ActionRow("about", "About Tunesmith", ("Ctrl+F1",), "Help", lambda s: s.show_about()),
)  # fmt: skip


class Actions(QObject):
    """The table's rows as `QAction` objects of one window."""

    def __init__(self, studio: Studio, own_keys: dict[str, str]) -> None:
        super().__init__(studio)
        self._studio = studio
        self.by_id: dict[str, QAction] = {}
        for line in ACTIONS:
            action = QAction(line.title, self)
            action.setObjectName(line.id)
            keys = [own_keys[line.id]] if own_keys.get(line.id) else list(line.keys)
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.setCheckable(line.checked is not None)
            action.triggered.connect(lambda _=False, line=line: self._run(line))
            context = Qt.ShortcutContext
            action.setShortcutContext(
                context.WidgetWithChildrenShortcut if line.in_roll else context.WindowShortcut
            )
            self.by_id[line.id] = action

    def refresh(self) -> None:
        """Make every action as enabled, checked and explained as it is now."""
        for line in ACTIONS:
            action = self.by_id[line.id]
            why = line.why_not(self._studio)
            action.setEnabled(not why)
            if line.checked is not None:
                action.setChecked(line.checked(self._studio))
            tip = self.tip(line, why)
            if action.toolTip() != tip:
                action.setToolTip(tip)
                action.setStatusTip(tip)

    def tip(self, line: ActionRow, why: str) -> str:
        """Name, key, and why it cannot be done now."""
        key = self.by_id[line.id].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        return line.title + (f" ({key})" if key else "") + (f": {why}" if why else "")

    def entries(self) -> list[Entry]:
        """For the command palette."""
        entries = []
        for line in ACTIONS:
            key = self.by_id[line.id].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            entries.append(
                Entry(line.id, line.title, key, line.menu.split("/")[0], line.why_not(self._studio))
            )
        return entries

    def _run(self, line: ActionRow) -> None:
        if not line.why_not(self._studio):
            line.run(self._studio)
        self._studio.refresh_actions()


def help_page(actions: dict[str, QAction]) -> str:
    """Every action with its keys, as a page of rich text."""
    parts = []
    for menu in MENUS:
        rows = [
            f"<tr><td width='260'>{line.title}</td><td>{_keys(actions[line.id])}</td></tr>"
            for line in ACTIONS
            if line.menu.split("/")[0] == menu
        ]
        parts.append(f"<h3>{menu}</h3><table cellpadding='3'>{''.join(rows)}</table>")
    for head, table in (
        ("Mouse in the piano roll", GESTURES),
        ("Without a mouse", ROLL_KEYS),
        ("In the spectrogram", SPECTROGRAM_GESTURES),
        ("On the map", MAP_GESTURES),
    ):
        rows = [f"<tr><td width='190'>{how}</td><td>{what}</td></tr>" for how, what in table]
        parts.append(f"<h3>{head}</h3><table cellpadding='3'>{''.join(rows)}</table>")
    return "".join(parts)


def _keys(action: QAction) -> str:
    return ", ".join(key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts())


GESTURES = (
    ("Wheel", "scroll up and down"),
    ("Shift + wheel", "scroll in time"),
    ("Ctrl + wheel", "zoom time about the pointer"),
    ("Ctrl + Alt + wheel", "zoom pitch"),
    ("Middle drag", "move the view"),
    ("Right click", "menu while selecting, erase while drawing"),
    ("Drag a box", "select; with Ctrl add to the selection, with Ctrl + Alt draw round the notes instead"),
    ("Ctrl + drag", "copy notes"),
    ("Ctrl + Shift + drag", "louder or softer: up or down, on a note"),
    ("Drag out of the window", "the selected notes as a MIDI file"),
    ("Alt", "no snap"),
    ("Double-click", "draw a note; on a slider: the usual value"),
)

SPECTROGRAM_GESTURES = (
    ("Drag", "mark a stretch; drag its ends to change it"),
    ("Double-click", "play-head there"),
    ("Ctrl + Alt + wheel", "zoom frequency"),
    ("Arrow keys", "a cursor that is read aloud; with Ctrl farther"),
    ("Shift + Left or Right", "mark from the cursor"),
    ("Z, Return, Esc", "zoom to the mark, play-head at the cursor, mark nothing"),
)

MAP_GESTURES = (
    ("Rest on a piece", "hear it"),
    ("Click, double-click", "choose a piece; open it"),
    ("Shift + drag", "draw round pieces to choose them"),
    ("Ctrl + click, Alt + click", "one piece more; path from the chosen piece to this one"),
    ("Arrow keys", "the nearest piece in that direction"),
    ("Space, Return, N, P", "hear; open; choose with others; begin or end a path"),
    ("+, -, F, I, Esc", "zoom; all pieces; those chosen alone; one step back"),
)

ROLL_KEYS = (
    ("Ctrl + Left, Ctrl + Right", "the note before, the note after"),
    ("Ctrl + Up, Ctrl + Down", "the next note above or below that sounds with it"),
    ("Ctrl + Shift + Left or Right", "one more note"),
    ("Insert", "write a note at the play-head"),
)
