"""The window: puts the panels in their docks and joins them. What they do is in their own files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QStatusTipEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QSplitter,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from core.listen.formats import SUFFIXES
from core.song import edits
from core.store.settings import Settings, save_settings
from desktop import icons, theme
from desktop.actions import ACTIONS, MENUS, Actions, help_page
from desktop.command_palette import CommandPalette
from desktop.compose.endless import Endless, Stream
from desktop.compose.facts import MEASURES, FactFinder, Measure
from desktop.compose.generators import GeneratorChoice, installed_generators
from desktop.compose.insight import Alternatives, Readings, SurpriseColours
from desktop.compose.panel import WIDTH as COMPOSE_WIDTH
from desktop.compose.panel import ComposePanel
from desktop.compose.session import Compose, ComposeSession, Variant, warm_up
from desktop.document import Change, Document
from desktop.drop_overlay import DropOverlay
from desktop.explore.panel import ExplorePanel
from desktop.files import Files
from desktop.hint_line import HintLine
from desktop.jobs import Jobs
from desktop.library.panel import LibraryPanel
from desktop.listen.panel import ListenPanel
from desktop.notices import Notices
from desktop.pages import Page, about_html, findings, health_html
from desktop.playback import Playback
from desktop.roll.view import RollView
from desktop.roll_bar import RollBar
from desktop.settings_dialog import SettingsDialog
from desktop.spectrogram.view import SpectrogramView
from desktop.time_axis import TimeAxis
from desktop.tracks.changes import in_ticks, with_copy, with_new_track
from desktop.tracks.panel import WIDTH as TRACKS_WIDTH
from desktop.tracks.panel import TrackPanel
from desktop.transport import Transport, snap_ticks

log = logging.getLogger(__name__)

LAYOUT_VERSION = 1
WARM_UP_AFTER_MS = 1500
SETTINGS_AFTER_MS = 500
AUDITION_AFTER_MS = 600
"""How often a result under way is sent to the player anew, so that it can be heard while it grows."""
USUAL_SIZE = QSize(1360, 840)


class Studio(QMainWindow):
    """The studio window.

    Parameters
    ----------
    document : the song to begin with
    settings : what the user chose before; changed and saved by the window
    compose, stream, measures, generators, player : stand-ins for tests; by default the real ones
    keep_settings : whether choices are saved
    """

    document: Document
    playback: Playback
    session: ComposeSession
    roll: RollView
    files: Files
    compose_panel: ComposePanel

    def __init__(
        self,
        document: Document,
        settings: Settings,
        *,
        compose: Compose | None = None,
        stream: Stream | None = None,
        measures: Sequence[Measure] = MEASURES,
        generators: list[GeneratorChoice] | None = None,
        player: Any = None,
        keep_settings: bool = True,
    ) -> None:
        super().__init__()
        self.document = document
        self.settings = settings
        self.asks_before_closing = True
        self._keep_settings = keep_settings
        self._may_close = False
        document.setParent(self)
        self.jobs = Jobs(self)
        self.playback = Playback(document, player, self)
        self.session = ComposeSession(document, self.jobs, compose, self)
        self.endless: Endless = Endless(document, self.playback, self.jobs, stream, self)
        self.readings = Readings(document, self.jobs, self)
        self._facts = FactFinder(self.session, self.jobs, measures, self)
        self.time_axis = TimeAxis(parent=self)
        self.roll = RollView(document, self.time_axis)
        self.surprise: SurpriseColours = SurpriseColours(self.readings, self.roll.state, self)
        self.alternatives: Alternatives = Alternatives(self.readings, self.roll.state, self.roll.canvas, self)
        self.stage = QWidget()
        """The place of the roll and the spectrogram, whichever of them is shown."""
        self.notices = Notices(self.stage)
        self.files = Files(self)
        self.actions_ = Actions(self, settings.keys)
        known = installed_generators() if generators is None else generators
        self.compose_panel = ComposePanel(
            document, self.session, known, self.actions_.by_id, self.is_untouched
        )
        self.generators = known
        self.library: LibraryPanel = LibraryPanel(self)
        self.spectrogram: SpectrogramView = SpectrogramView(
            document, self.time_axis, self.jobs, self.playback, lambda: self.settings.soundfont
        )
        self.explore: ExplorePanel = ExplorePanel(self)
        self.listen: ListenPanel = ListenPanel(self)
        self.tracks = TrackPanel(document, self.actions_.by_id)
        self.transport = Transport(document, self.playback, self.actions_.by_id, self._set_snap)
        self.hints = HintLine(self.jobs)
        self._docks: dict[str, QDockWidget] = {}
        self._lay_out()
        self._make_menus()
        self.palette_ = CommandPalette(self.actions_, self)
        self.palette_.wanted.connect(lambda name: self.actions_.by_id[name].trigger())
        self._drop = DropOverlay(self)
        self._drop.dropped.connect(self._dropped)
        self._late_settings = QTimer(self, interval=SETTINGS_AFTER_MS, singleShot=True)
        self._late_settings.timeout.connect(self._save_settings)
        self._late_audition = QTimer(self, interval=AUDITION_AFTER_MS, singleShot=True)
        self._late_audition.timeout.connect(lambda: self._audition(self.session.shown))
        self._late_refresh = QTimer(self, interval=0, singleShot=True)
        self._late_refresh.timeout.connect(self._refresh_now)
        self._join()
        self._restore()
        self._refresh_now()

    # -- building ------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.setObjectName("studio")
        self.setMinimumSize(960, 600)
        self.resize(USUAL_SIZE.boundedTo(self.screen().availableSize()))
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        bar = QToolBar("Transport", movable=False, floatable=False)
        bar.setObjectName("transport")
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.setStyleSheet("QToolBar { border: none; padding: 0; spacing: 0; }")
        bar.addWidget(self.transport)
        self.addToolBar(bar)
        centre = QWidget()
        centre.setObjectName("panel")
        centre.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(RollBar(self.document, self.session, self.actions_.by_id))
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setHandleWidth(4)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.roll)
        self.split.addWidget(self.spectrogram)
        self.map_stage = QWidget()
        """The place of the map when it stands where the roll is."""
        map_layout = QVBoxLayout(self.map_stage)
        map_layout.setContentsMargins(0, 0, 0, 0)
        self.split.addWidget(self.map_stage)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        self.spectrogram.hide()
        self.map_stage.hide()
        stage = QVBoxLayout(self.stage)
        stage.setContentsMargins(0, 0, 0, 0)
        stage.addWidget(self.split)
        layout.addWidget(self.stage, 1)
        self.setCentralWidget(centre)
        for name, title, panel, area, width in (
            ("tracks", "Tracks", self.tracks, Qt.DockWidgetArea.LeftDockWidgetArea, TRACKS_WIDTH),
            ("compose", "Compose", self.compose_panel, Qt.DockWidgetArea.RightDockWidgetArea, COMPOSE_WIDTH),
            ("listen", "Listen", self.listen, Qt.DockWidgetArea.RightDockWidgetArea, COMPOSE_WIDTH),
            ("explore", "Explore", self.explore, Qt.DockWidgetArea.RightDockWidgetArea, COMPOSE_WIDTH),
            ("library", "Library", self.library, Qt.DockWidgetArea.RightDockWidgetArea, COMPOSE_WIDTH),
        ):
            dock = QDockWidget(title)
            dock.setObjectName(name)
            dock.setTitleBarWidget(QWidget())
            dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
            panel.setMinimumWidth(width - 24)
            dock.setWidget(panel)
            self.addDockWidget(area, dock)
            self.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
            self._docks[name] = dock
        self.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.North)
        self.tabifyDockWidget(self._docks["compose"], self._docks["listen"])
        self.tabifyDockWidget(self._docks["listen"], self._docks["explore"])
        self.tabifyDockWidget(self._docks["explore"], self._docks["library"])
        self._docks["compose"].raise_()
        self._docks["listen"].visibilityChanged.connect(self.listen.show_seen)
        self._docks["explore"].visibilityChanged.connect(self.explore.show_seen)
        self._docks["library"].visibilityChanged.connect(self.library.show_seen)
        foot = QToolBar("Hints", movable=False, floatable=False)
        foot.setObjectName("hints")
        foot.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        foot.setStyleSheet("QToolBar { border: none; padding: 0; spacing: 0; }")
        foot.addWidget(self.hints)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, foot)

    def _make_menus(self) -> None:
        menus = {name: self.menuBar().addMenu(name) for name in MENUS}
        for line in ACTIONS:
            outer, _, inner = line.menu.partition("/")
            if inner and line.menu not in menus:
                menus[line.menu] = menus[outer].addMenu(inner)
            if line.text.startswith("-"):
                menus[line.menu].addSeparator()
            menus[line.menu].addAction(self.actions_.by_id[line.id])
            target: QWidget = self.roll if line.in_roll else self
            target.addAction(self.actions_.by_id[line.id])
        self._recent = QMenu("Open recent", self)
        menus["File"].insertMenu(self.actions_.by_id["add_file"], self._recent)
        self._recent.aboutToShow.connect(self._fill_recent)
        for menu in menus.values():
            menu.aboutToShow.connect(self._refresh_now)

    def _join(self) -> None:
        document, refresh = self.document, self.refresh_actions
        document.changed.connect(self._changed)
        for signal in (
            document.selection_changed, document.current_track_changed, document.loop_changed,
            document.mix_changed, document.state_changed, self.session.chosen_changed,
            self.session.busy_changed, self.session.added, self.session.removed, self.session.past_changed,
            self.playback.playing_changed, self.roll.tool_changed, document.locks_changed, self.endless.toggled,
            self.surprise.toggled,
        ):  # fmt: skip
            signal.connect(lambda *_: refresh())
        document.state_changed.connect(self._show_title)
        self.files.opened.connect(lambda _: self._show_title())
        self.compose_panel.changed_hook = refresh
        self.session.said.connect(lambda text, tone: self.notices.show_notice(text, tone))
        self.session.shown_changed.connect(self._audition)
        self.endless.said.connect(lambda text, tone: self.notices.show_notice(text, tone))
        self.surprise.failed.connect(lambda text: self.notices.show_notice(text, "bad"))
        self.roll.menu_actions = [self.actions_.by_id["alternatives"]]
        self.session.updated.connect(self._variant_updated)
        self.roll.note_previewed.connect(self.playback.preview)
        self.roll.seek_requested.connect(self.playback.seek)
        self.roll.hint_changed.connect(self.hints.show_hint)
        spectrogram = self.spectrogram
        spectrogram.hint_changed.connect(self.hints.show_hint)
        spectrogram.seek_requested.connect(self.playback.seek)
        spectrogram.file_wanted.connect(self.ask_sound)
        spectrogram.failed.connect(lambda text: self.notices.show_notice(text, "bad"))
        spectrogram.closed.connect(lambda: self.place_spectrogram(""))
        spectrogram.place_wanted.connect(
            lambda: self.place_spectrogram("below" if self.spectrogram_place == "instead" else "instead")
        )
        self.playback.polled.connect(self._sound_polled)
        self._sound_text = ""
        self._show_title()

    def _restore(self) -> None:
        settings = self.settings
        self.transport.snap.set_value(settings.grid)
        self._set_snap(settings.grid)
        self.roll.follow = settings.follow_playhead
        self.roll.highlight_scale = settings.scale_highlight
        self.playback.set_volume(settings.master_volume)
        self.transport.volume.set_number(100 * settings.master_volume)
        self.playback.set_metronome(settings.metronome)
        self.compose_panel.restore(settings.panels.get("compose", {}))
        self.explore.restore(settings.panels.get("explore", {}))
        self.spectrogram.restore(settings.panels.get("spectrogram", {}))
        geometry, layout = settings.window.get("geometry"), settings.window.get("layout")
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
        if layout:
            self.restoreState(QByteArray.fromBase64(layout.encode()), LAYOUT_VERSION)

    def start_engines(self, *, sound: bool = True, journal: bool = True) -> None:
        """After the first paint: the sound process, the crash journal, and warming up for composing."""
        if sound:
            self.playback.start(self.settings.audio_device, self.settings.soundfont)
            self.transport.show_no_sound()
            if self.playback.why_silent:
                self.notices.show_notice(self.playback.why_silent, "warn")
        if journal:
            self.files.start_journal()
        if any(not one.why_not for one in self.generators):
            QTimer.singleShot(WARM_UP_AFTER_MS, self, self._warm_up)
        self.refresh_actions()

    def _warm_up(self) -> None:
        self.jobs.run("inference", "Getting ready to compose", warm_up, quiet=True)

    # -- what actions do -----------------------------------------------------------------------------

    def undo(self) -> None:
        label = self.document.undo()
        if label:
            self.hints.show_hint(f"Undone: {label}")

    def redo(self) -> None:
        label = self.document.redo()
        if label:
            self.hints.show_hint(f"Done again: {label}")

    def escape(self) -> None:
        """One thing at a time: what the hand is doing, the result that is shown, the selection, hanging notes."""
        if self.roll.canvas.gesture is not None:
            self.roll.canvas.cancel_gesture()
        elif self.session.chosen is not None and not self.session.busy:
            self.session.choose(None)
        elif len(self.document.selection):
            self.document.select([])
        else:
            self.playback.panic()

    def add_track(self) -> None:
        self.document.apply("Add track", with_new_track(self.document.song))
        self.document.set_current_track(len(self.document.song.tracks) - 1)

    def duplicate_track(self) -> None:
        index = self.document.current_track
        self.document.apply("Duplicate track", with_copy(self.document.song, index))
        self.document.set_current_track(index + 1)

    def remove_track(self) -> None:
        index = self.document.current_track
        self.document.apply("Remove track", edits.remove_track(self.document.song, index))

    def move_track(self, by: int) -> None:
        index = self.document.current_track
        self.document.apply("Move track", edits.move_track(self.document.song, index, index + by))
        self.document.set_current_track(index + by)

    def step_track(self, by: int) -> None:
        self.document.set_current_track(self.document.current_track + by)

    def toggle_mute(self) -> None:
        track = self.document.current_track
        self.document.set_muted(track, track not in self.document.muted)

    def toggle_solo(self) -> None:
        track = self.document.current_track
        self.document.set_soloed(track, track not in self.document.soloed)

    def toggle_loop(self) -> None:
        """Loop over the whole bars of the song, or no longer."""
        if self.document.loop is not None:
            self.document.set_loop(None)
            return
        song = self.document.song
        last = song.bars.bar_at(max(0, song.end_tick - 1))
        self.document.set_loop((0, song.bars.start(last + 1)))

    def toggle_metronome(self) -> None:
        self.settings.metronome = not self.playback.metronome
        self.playback.set_metronome(self.settings.metronome)
        self.settings_changed()

    def toggle_follow(self) -> None:
        self.roll.follow = self.settings.follow_playhead = not self.roll.follow
        self.settings_changed()

    def toggle_roll(self, setting: str) -> None:
        """Turn one of the roll's settings on or off."""
        setattr(self.roll, setting, not getattr(self.roll, setting))

    def set_tool(self, name: str) -> None:
        self.roll.tool = name

    def zoom(self, factor: float) -> None:
        self.time_axis.zoom_about(self.roll.canvas.width() / 2, factor)

    def use_result(self) -> None:
        chosen = self.session.chosen
        if chosen is not None:
            self.session.accept(chosen, untouched=self.is_untouched())

    def discard_result(self) -> None:
        chosen = self.session.chosen
        if chosen is not None:
            self.session.discard(chosen)

    def star_result(self) -> None:
        if self.session.chosen is not None:
            self.session.star(self.session.chosen)

    def toggle_endless(self) -> None:
        """Compose ahead of the play-head from now on, or stop."""
        if self.endless.on:
            self.endless.stop()
        else:
            self.session.choose(None)
            self.endless.start(self.compose_panel.request(), untouched=self.is_untouched())

    def toggle_panel(self, name: str) -> None:
        if self.panel_is_shown(name):
            self._docks[name].hide()
        else:
            self.show_panel(name)

    def panel_is_shown(self, name: str) -> bool:
        """Whether it is there, and in front of those that share its place."""
        dock = self._docks[name]
        return not dock.isHidden() and not (dock.isVisible() and dock.visibleRegion().isEmpty())

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front; "palette", "settings", "help" and "about" open those."""
        windows: dict[str, Callable[[], object]] = {
            "palette": self.show_palette, "settings": self.show_settings, "help": self.show_help,
            "about": self.show_about, "health": self.show_health,
        }  # fmt: skip
        if name in windows:
            windows[name]()
        elif name in self._docks:
            self._docks[name].show()
            self._docks[name].raise_()

    @property
    def spectrogram_place(self) -> str:
        """Where the spectrogram is: "", "below" the roll, or "instead" of it."""
        if self.spectrogram.isHidden():
            return ""
        return "instead" if self.roll.isHidden() else "below"

    @property
    def map_is_large(self) -> bool:
        """Whether the map stands where the roll is."""
        return not self.map_stage.isHidden()

    def place_map(self, large: bool) -> None:
        """Put the map where the roll is, or back into its panel."""
        if large == self.map_is_large:
            return
        if large:
            self.place_spectrogram("")
            self.show_panel("explore")
        self.roll.setVisible(not large)
        self.map_stage.setVisible(large)
        self.explore.place_map(self.map_stage if large else None)
        (self.explore.map if large else self.roll).setFocus()
        self.refresh_actions()

    def ask_sound(self) -> None:
        """Choose a sound file to see."""
        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES if suffix not in (".mid", ".midi"))
        self.files.ask_which("See the sound of", f"Sound ({kinds});;All files (*)", self.show_sound)

    def show_sound(self, path: str | Path) -> None:
        """Show the spectrogram of a file."""
        self.spectrogram.show_file(Path(path))
        if not self.spectrogram_place:
            self.place_spectrogram("below")

    def show_song_sound(self) -> None:
        """Show the spectrogram of the song."""
        self.spectrogram.show_song()
        if not self.spectrogram_place:
            self.place_spectrogram("below")

    def place_spectrogram(self, place: str) -> None:
        """Show it "below" the roll or "instead" of it; "" hides it."""
        if place == self.spectrogram_place:
            return
        self.place_map(False)
        self.roll.setVisible(place != "instead")
        self.spectrogram.setVisible(bool(place))
        self.spectrogram.set_alone(place == "instead")
        if place == "below":
            height = self.split.height()
            self.split.setSizes([round(0.55 * height), round(0.45 * height)])
        (self.spectrogram.canvas if place == "instead" else self.roll).setFocus()
        self.refresh_actions()

    def toggle_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def next_theme(self) -> None:
        names = list(theme.PALETTES)
        self.set_theme(names[(names.index(theme.tokens().name) + 1) % len(names)])

    def set_theme(self, name: str) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, name)
            icons.recolour(self)
        self.settings.theme = name
        self.settings_changed()
        self.hints.show_hint(f"Colours: {name}")

    def show_palette(self) -> None:
        self.palette_.open()

    def show_settings(self) -> None:
        self._open(SettingsDialog(self))

    def show_help(self) -> None:
        self._open(Page("Keys and gestures", help_page(self.actions_.by_id), self, QSize(520, 640)))

    def show_about(self) -> None:
        self._open(Page("About Tunesmith", about_html(), self, QSize(460, 260)))

    def show_health(self) -> None:
        status = str(getattr(self.playback.state, "status", ""))
        generators = [(one.title, one.why_not) for one in self.generators]
        html = health_html(findings(self.playback.why_silent, status, generators))
        self._open(Page("What is missing", html, self, QSize(620, 360)))

    def is_untouched(self) -> bool:
        """Whether the song holds nothing of the user's: it is empty, or the demo as it came."""
        document = self.document
        return not len(document.song.notes) or (document.path is None and not document.modified)

    # -- keeping it true -----------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Tell the user that something is done."""
        self.notices.show_notice(text)

    def refresh_actions(self) -> None:
        """Let every action be as enabled and explained as it is; soon, and once for many changes."""
        self._late_refresh.start()

    def settings_changed(self) -> None:
        """Save the settings, soon and once for many changes."""
        if self._keep_settings:
            self._late_settings.start()

    def _refresh_now(self) -> None:
        self._late_refresh.stop()
        self.actions_.refresh()

    def _changed(self, change: Change) -> None:
        if change.touches("all", "meter"):
            self._set_snap(self.settings.grid)
        self.refresh_actions()

    def _set_snap(self, name: str) -> None:
        self.roll.grid = snap_ticks(name, self.document.song, self.document.playhead)
        if name != self.settings.grid:
            self.settings.grid = name
            self.settings_changed()

    def _show_title(self) -> None:
        self.setWindowTitle(f"{self.document.name}[*] – Tunesmith")
        self.setWindowModified(self.document.modified)

    def _audition(self, shown: Variant | None) -> None:
        """Let the result that is shown sound, as far as it has come, in place of the song."""
        song = shown.sketch if shown is not None and shown.is_usable else None
        if song is not None:
            # The play-head and the loop are counted in the document's ticks.
            song = in_ticks(song, self.document.song.ticks_per_beat)
        self.playback.listen_to(song)
        # What is about the song sounds with it, so that stays as bright as it is.
        new = shown is not None and not shown.is_of_song
        self.document.stand_back(song is not None and new)

    def _variant_updated(self, variant: Variant) -> None:
        if variant is self.session.shown:
            if variant.is_over:
                self._late_audition.stop()
                self._audition(variant)
            elif not self._late_audition.isActive():
                self._late_audition.start()
        self.refresh_actions()

    def _sound_polled(self, state: Any) -> None:
        if state.status != self._sound_text:
            self._sound_text = state.status
            if state.status:
                self.hints.set_standing(state.status)

    def _dropped(self, what: str, files: list[Any]) -> None:
        one: dict[str, Callable[[Any], object]] = {
            "open": self.files.open, "see": self.show_sound, "classify": self.listen.listen,
            "seed": self.listen.use_as_seed,
        }  # fmt: skip
        many: dict[str, Callable[[Any], object]] = {
            "batch": self.listen.listen_to_all, "map": self.explore.add_files,
        }  # fmt: skip
        if what in many:
            many[what](files)
            return
        if what in one:
            one[what](files[0])
            files = files[1:]
        for path in files:
            self.files.add(path)

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self.settings.recent_files:
            action = QAction(path, self._recent)
            action.triggered.connect(lambda _=False, path=path: self.files.open(path))
            self._recent.addAction(action)
        if not self.settings.recent_files:
            self._recent.addAction("No files yet").setEnabled(False)

    def _open(self, dialog: QWidget) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _save_settings(self) -> None:
        settings = replace(self.settings)
        self.jobs.run("files", "Saving settings", lambda _: save_settings(settings), quiet=True)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.StatusTip and isinstance(event, QStatusTipEvent):
            self.hints.show_hint(event.tip())
            return True
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._may_close and self.asks_before_closing and self.document.modified:
            event.ignore()
            self.files.after_saving(self._close_for_good)
            return
        self._late_refresh.stop()
        self._late_settings.stop()
        self._late_audition.stop()
        geometry, layout = self.saveGeometry(), self.saveState(LAYOUT_VERSION)
        self.hide()  # what follows may have to wait for a thread to end
        self.playback.close()
        self.jobs.close()
        self.library.close_library()
        self.spectrogram.close_sound()
        self.explore.close_sounds()
        self.files.close()
        if self._keep_settings:
            self.settings.master_volume = self.playback.volume
            self.settings.panels["compose"] = self.compose_panel.state()
            self.settings.panels["explore"] = self.explore.state_to_keep()
            self.settings.panels["spectrogram"] = self.spectrogram.state_to_keep()
            self.settings.window = {
                "geometry": geometry.toBase64().toStdString(),
                "layout": layout.toBase64().toStdString(),
            }
            save_settings(self.settings)
        super().closeEvent(event)

    def _close_for_good(self) -> None:
        self._may_close = True
        self.close()
