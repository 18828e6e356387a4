"""The register: claiming a piece under one's name, certificates, and registers that come and go.

Checking a song against many claims and signing take time, so all of it runs on the library's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from core.errors import TunesmithError
from core.song.notes import Song
from core.store.library import Library, Search
from desktop import icons, theme
from desktop.controls.basics import icon_button, label, push_button, restyle, row, rule
from desktop.jobs import Jobs, Task
from desktop.library.keeper import LANE
from desktop.playback import Playback

if TYPE_CHECKING:
    from core.store.register import Claim, Match

ROW_HEIGHT = 44
CLAIM = Qt.ItemDataRole.UserRole
CERTIFICATE_FILTER = "Certificate to frame, PDF (*.pdf);;Certificate to check, JSON (*.json)"
REGISTER_FILTER = "Claims (*.json)"
NOTHING = (
    "Nothing is claimed yet.\n\nA claim says that these notes are yours, signed with a key of your own. "
    "Copies of a claimed piece, in whatever key or instruments, are known again."
)
AnyIndex = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Wish:
    """A piece that is to be claimed."""

    song: Song
    title: str
    recipe: Mapping[str, Any]


class ClaimModel(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.claims: list[Claim] = []
        self.public_key = ""

    def show(self, claims: list[Claim], public_key: str) -> None:
        """Show these claims; those signed with ``public_key`` are the user's own."""
        self.beginResetModel()
        self.claims, self.public_key = claims, public_key
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.claims)

    def is_own(self, claim: Claim) -> bool:
        """Whether the user made it."""
        return claim.statement["public_key"] == self.public_key

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        claim = self.claims[index.row()]
        if role == CLAIM:
            return claim
        if role == Qt.ItemDataRole.DisplayRole:
            return claim.title
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{claim.line}\nThe signature is valid." + (
                "" if self.is_own(claim) else "\nSigned with another person's key."
            )
        return None


class ClaimDelegate(QStyledItemDelegate):
    """Title and owner, date and content id; a seal in colour is the user's own."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(160, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        claim: Claim = index.data(CLAIM)
        model = index.model()
        assert isinstance(model, ClaimModel)
        rect: QRect = option.rect  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            focused = bool(state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(
                theme.colour("accent" if focused else "line_strong") if chosen else Qt.PenStyle.NoPen
            )
            painter.setBrush(theme.colour("raised" if chosen else "hover"))
            painter.drawRoundedRect(QRectF(rect).adjusted(1.5, 1.5, -1.5, -1.5), 5, 5)
        seal = QRectF(rect.left() + 8, rect.top() + (rect.height() - 18) / 2, 18, 18)
        icons.paint(painter, "seal", seal, theme.colour("good" if model.is_own(claim) else "text_dim"))
        text = rect.adjusted(34, 6, -8, -6)
        align, elide = Qt.AlignmentFlag, Qt.TextElideMode.ElideRight
        painter.setFont(theme.font())
        metrics = painter.fontMetrics()
        owner = metrics.elidedText(claim.owner, elide, text.width() // 2)
        room = text.width() - metrics.horizontalAdvance(owner) - 10
        painter.setPen(theme.colour("text"))
        title = metrics.elidedText(claim.title, elide, room)
        painter.drawText(text, align.AlignTop | align.AlignLeft, title)
        painter.setPen(theme.colour("text_dim"))
        painter.drawText(text, align.AlignTop | align.AlignRight, owner)
        painter.setFont(theme.font(theme.SMALL_SIZE))
        line = f"{claim.claimed[:10]} · {claim.id}"
        painter.drawText(
            text,
            align.AlignBottom | align.AlignLeft,
            painter.fontMetrics().elidedText(line, elide, text.width()),
        )
        painter.restore()


class ClaimList(QListView):
    heard = Signal()

    def event(self, event: Any) -> bool:
        if event.type() == event.Type.ShortcutOverride and event.key() == Qt.Key.Key_Space:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.heard.emit()
        else:
            super().keyPressEvent(event)


class ClaimsPage(QWidget):
    """The second page of the panel.

    Parameters
    ----------
    open_song : the open song and its name
    author : the owner's name as it was given last; ``keep_author`` is told a new one
    ask_where, ask_which : ask for a file to write or to read
    """

    said = Signal(str, str)

    def __init__(
        self,
        jobs: Jobs,
        playback: Playback,
        *,
        open_song: Callable[[], tuple[Song, str]],
        author: Callable[[], str],
        keep_author: Callable[[str], object],
        ask_where: Callable[[str, str, str, Callable[[str], object]], object],
        ask_which: Callable[[str, str, Callable[[str], object]], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._playback = jobs, playback
        self._open_song, self._author, self._keep_author = open_song, author, keep_author
        self._ask_where, self._ask_which = ask_where, ask_which
        self._wish: Wish | None = None
        self._collision: Match | None = None
        self._heard: Song | None = None
        self._is_stale = True
        self._make()
        self._lay_out()
        playback.hearing_changed.connect(self._show_hearing)

    # -- building ------------------------------------------------------------------------------------

    def _make(self) -> None:
        self.claim_open = push_button(
            "Claim the open song", self.claim_open_song, tip="Claim what is in the roll"
        )
        self.take_in = icon_button("drop", "Take in claims or a certificate…", self.ask_take_in)
        self.give_out = icon_button("export", "Export all claims…", self.ask_give_out)
        self.what = label("", "title", wrap=True)
        self.what.setTextFormat(Qt.TextFormat.PlainText)
        self.content_id = label("", "small")
        self.content_id.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.content_id.setToolTip("The content id: the same in any key, tempo and instruments")
        self.owner = QLineEdit(placeholderText="Your name", accessibleName="Who claims it", maxLength=200)
        self.owner.textChanged.connect(lambda _: self._show_form())
        self.owner.returnPressed.connect(self.claim)
        self.go = push_button("Claim", self.claim, role="primary")
        self.form = QWidget()
        form = QVBoxLayout(self.form)
        form.setContentsMargins(10, 8, 10, 8)
        form.setSpacing(6)
        form.addWidget(self.what)
        form.addWidget(self.content_id)
        form.addWidget(self.owner)
        form.addLayout(row(self.go, push_button("Cancel", self.cancel), None))
        self.form.setObjectName("well")
        self.form.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.form.hide()
        self.answer = label("", "warn", wrap=True)
        self.answer.setTextFormat(Qt.TextFormat.PlainText)
        self.hear_other = push_button("Hear the claimed piece", self._hear_collision)
        self.answer_box = QWidget()
        answer = QVBoxLayout(self.answer_box)
        answer.setContentsMargins(0, 0, 0, 0)
        answer.setSpacing(4)
        answer.addWidget(self.answer)
        answer.addLayout(row(self.hear_other, push_button("Close", self._close_answer), None))
        self.answer_box.hide()
        self.state = label("", "small", wrap=True)
        self.model = ClaimModel(self)
        self.list = ClaimList(uniformItemSizes=True, mouseTracking=True)
        self.list.setModel(self.model)
        self.list.setItemDelegate(ClaimDelegate(self.list))
        self.list.setAccessibleName("Claims")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.selectionModel().currentChanged.connect(lambda *_: self._show_current())
        self.list.heard.connect(self.hear_current)
        self.empty = label(NOTHING, "small", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.certificate = push_button("Certificate…", self.ask_certificate, tip="Write it as PDF or JSON")
        self.hear = push_button("Hear", self.hear_current, tip="The notes that were claimed (Space)")
        self.copy_id = push_button("Copy id", self._copy_id)
        self.buttons = QWidget()
        self.buttons.setLayout(row(self.certificate, self.hear, self.copy_id, None))

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(10, 6, 10, 6)
        head.setSpacing(6)
        head.addLayout(row(self.claim_open, None, self.take_in, self.give_out))
        head.addWidget(self.form)
        head.addWidget(self.answer_box)
        nothing = QWidget()
        middle = QVBoxLayout(nothing)
        middle.setContentsMargins(24, 12, 24, 12)
        middle.addStretch(2)
        middle.addWidget(self.empty)
        middle.addStretch(3)
        self._stack = QStackedLayout()
        self._stack.setContentsMargins(4, 0, 4, 0)
        self._stack.addWidget(self.list)
        self._stack.addWidget(nothing)
        foot = QVBoxLayout()
        foot.setContentsMargins(10, 4, 10, 8)
        foot.setSpacing(6)
        foot.addWidget(self.state)
        foot.addWidget(self.buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addLayout(self._stack, 1)
        layout.addWidget(rule())
        layout.addLayout(foot)

    # -- claiming ------------------------------------------------------------------------------------

    def claim_open_song(self) -> None:
        """Begin to claim what is in the roll."""
        song, title = self._open_song()
        self.begin(song, title, {})

    def begin(self, song: Song, title: str, recipe: Mapping[str, Any]) -> None:
        """Show what is to be claimed, with its content id, and ask who claims it."""
        self._close_answer()
        self._wish = Wish(song, title, recipe)
        self.what.setText(f"Claim “{title}”")
        self.content_id.setText("…")
        self.owner.setText(self._author())
        self.form.show()
        self._show_form()
        (self.go if self.owner.text().strip() else self.owner).setFocus()
        wish = self._wish

        def work(task: Task) -> str:
            from core.store.fingerprint import content_id, sketch_of

            sketch_of(song)  # says so where it is too short
            return content_id(song)

        def known(name: str) -> None:
            if self._wish is wish:
                self.content_id.setText(name)

        self._run("Reading the notes", work, known)

    def claim(self) -> None:
        """Sign the claim, unless the piece is claimed already."""
        wish, owner = self._wish, " ".join(self.owner.text().split())
        if wish is None or not owner:
            return
        self._keep_author(owner)

        def work(task: Task) -> Claim:
            from core.store.register import Register

            with Register() as register:
                recipe = wish.recipe or known_recipe(wish.song)
                return register.claim(wish.song, owner, title=wish.title, recipe=recipe)

        def done(claim: Claim) -> None:
            self._wish = None
            self.form.hide()
            self.said.emit(f"Claimed {claim.line}", "info")
            self.refresh(claim.id)
            self.list.setFocus()

        self.go.setEnabled(False)
        self._run("Claiming", work, done, quiet=False)

    def cancel(self) -> None:
        """Claim nothing."""
        self._wish = None
        self.form.hide()
        self._close_answer()

    def _show_form(self) -> None:
        self.go.setEnabled(bool(self.owner.text().strip()))
        self.go.setToolTip("" if self.go.isEnabled() else "Write your name first")

    # -- certificates and registers ------------------------------------------------------------------

    def ask_certificate(self) -> None:
        """Ask where to write the certificate of the chosen claim."""
        claim = self.current()
        if claim is not None:
            self._ask_where(
                "Certificate", CERTIFICATE_FILTER, f"{claim.title} {claim.id}.pdf",
                lambda path: self.write_certificate(Path(path), claim),
            )  # fmt: skip

    def write_certificate(self, path: Path, claim: Claim) -> None:
        """Write a certificate as the name's ending says."""

        def work(task: Task) -> None:
            from core.store.certificate import WRITERS

            writer = WRITERS.get(path.suffix.lower())
            if writer is None:
                raise TunesmithError(f"cannot write {path.name}: the name must end in {' or '.join(WRITERS)}")
            writer(path, claim)

        self._run("Writing a certificate", work, lambda _: self.said.emit(f"Wrote {path.name}", "info"))

    def ask_give_out(self) -> None:
        """Ask where to export all claims."""
        self._ask_where(
            "Export claims", REGISTER_FILTER, "claims.json", lambda path: self.write_all(Path(path))
        )

    def write_all(self, path: Path) -> None:
        """Export all claims, unless the register was tampered with."""

        def work(task: Task) -> int:
            from core.store.register import Register, save_certificates

            with Register() as register:
                faults = register.faults()
                if faults:
                    raise TunesmithError(f"not exported: {faults[0]}")
                return save_certificates(path, register.claims())

        self._run(
            "Exporting claims",
            work,
            lambda n: self.said.emit(f"Exported {_claims(n)} to {path.name}", "info"),
        )

    def ask_take_in(self) -> None:
        """Ask for an export or a certificate to take in."""
        self._ask_which("Take in claims", REGISTER_FILTER, lambda path: self.read_all(Path(path)))

    def read_all(self, path: Path) -> None:
        """Take in the claims whose signatures hold, and tell of each that was refused."""

        def work(task: Task) -> tuple[int, int, list[tuple[Claim, str]]]:
            from core.store.register import Register, load_certificates

            claims = load_certificates(path)
            with Register() as register:
                added, refused = register.take_in(claims)
            return len(claims), len(added), refused

        def done(answer: tuple[int, int, list[tuple[Claim, str]]]) -> None:
            count, added, refused = answer
            here = count - added - len(refused)
            parts = [f"{added} added"]
            parts += [f"{here} were here already"] if here else []
            parts += [f"{len(refused)} refused"] if refused else ["every signature is valid"]
            lines = [f"{path.name}: {_claims(count)}: {', '.join(parts)}."]
            lines += [f"“{claim.title}” by {claim.owner}: {reason}." for claim, reason in refused[:8]]
            self._show_answer("\n".join(lines), "warn" if refused else "good")
            self.refresh()

        self._run("Taking in claims", work, done, quiet=False)

    # -- the list ------------------------------------------------------------------------------------

    def current(self) -> Claim | None:
        """The claim that is chosen."""
        index = self.list.currentIndex()
        return index.data(CLAIM) if index.isValid() else None

    def refresh(self, choose: str = "") -> None:
        """Read the claims and check their signatures and their order."""
        self._is_stale = False
        chosen = choose or (claim.id if (claim := self.current()) is not None else "")

        def work(task: Task) -> tuple[list[Claim], list[str], str]:
            from core.store.register import Register
            from core.store.signing import known_public_key

            with Register() as register:
                return register.valid_claims()[::-1], register.faults(), known_public_key()

        def found(answer: tuple[list[Claim], list[str], str]) -> None:
            claims, faults, key = answer
            self.model.show(claims, key)
            rows = [index for index, claim in enumerate(claims) if claim.id == chosen]
            if claims:
                self.list.setCurrentIndex(self.model.index(rows[0] if rows else 0))
            self._stack.setCurrentIndex(0 if claims else 1)
            self.give_out.setEnabled(bool(claims))
            if faults:
                self._show_state(faults[0][:1].upper() + faults[0][1:] + ".", "warn")
            else:
                self._show_state(f"{_claims(len(claims))}, every signature valid" if claims else "", "small")
            self._show_current()

        self._run("Checking the register", work, found)

    def hear_current(self) -> None:
        """Sound the notes of the chosen claim, or end that."""
        claim = self.current()
        if claim is not None:
            self._hear(claim)

    def come(self) -> None:
        """The page comes into sight."""
        if self._is_stale:
            self.refresh()

    def _show_current(self) -> None:
        self.buttons.setVisible(self.current() is not None)

    def _copy_id(self) -> None:
        claim = self.current()
        if claim is not None:
            QGuiApplication.clipboard().setText(claim.id)
            self.said.emit(f"Copied {claim.id}", "info")

    # -- shared --------------------------------------------------------------------------------------

    def _hear_collision(self) -> None:
        if self._collision is not None:
            self._hear(self._collision.claim)

    def _hear(self, claim: Claim) -> None:
        if self._heard is not None:
            self._playback.hear_no_more()
            return

        def sound(song: Song) -> None:
            self._heard = song
            self._playback.hear(song)
            self._show_hearing()

        self._run("Reading the notes", lambda task: song_of_claim(claim), sound)

    def _show_hearing(self) -> None:
        sounds = self._heard is not None and self._playback.hearing is self._heard
        if not sounds:
            self._heard = None
        self.hear.setText("Stop" if sounds else "Hear")
        self.hear_other.setText("Stop" if sounds else "Hear the claimed piece")

    def _show_answer(self, text: str, role: str, collision: Match | None = None) -> None:
        self._collision = collision
        self.answer.setText(text)
        self.answer.setProperty("role", role)
        restyle(self.answer)
        self.hear_other.setVisible(collision is not None)
        self.answer_box.show()

    def _close_answer(self) -> None:
        self._collision = None
        self.answer_box.hide()

    def _show_state(self, text: str, role: str) -> None:
        self.state.setText(text)
        self.state.setVisible(bool(text))
        self.state.setProperty("role", role)
        restyle(self.state)

    def _run(
        self, what: str, work: Callable[[Task], Any], on_success: Callable[[Any], None], *, quiet: bool = True
    ) -> None:
        self._jobs.run(LANE, what, work, on_success=on_success, on_failure=self._failed, quiet=quiet)

    def _failed(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        self._show_answer(text[:1].upper() + text[1:] + ".", "warn", getattr(error, "match", None))
        self._show_form()


def song_of_claim(claim: Claim) -> Song:
    """The claimed piece as the library has it; else its onsets and pitches on a piano."""
    from core.store.fingerprint import song_of_sketch

    with Library() as library:
        found = library.find(Search(content_id=claim.id, limit=1))
        if found:
            return library.song(found[0].id)
    return song_of_sketch(claim.notes(), claim.title)


def known_recipe(song: Song) -> dict[str, Any]:
    """The recipe that the library has for a song; {} where it has none."""
    from core.store.fingerprint import content_id

    with Library() as library:
        found = library.find(Search(content_id=content_id(song), kind="composed", limit=1))
    return found[0].recipe if found else {}


def _claims(count: int) -> str:
    return "1 claim" if count == 1 else f"{count:,} claims"
