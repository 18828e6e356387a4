"""The second page: every model's opinion of the same file, and how each of them was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QDialog, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from core.listen.report import NOT_SURE, Verdict
from desktop import theme
from desktop.controls.basics import label, push_button, row, rule
from desktop.listen.card_pictures import ConfusionPicture, CurvePicture, figures_of, lines_of, matrix_of
from desktop.listen.chance_bars import in_words
from desktop.listen.listener import Listener, Model

HEAD = 30
LINE = 20
NAME_WIDTH = 68

PICTURES = ((("curve", "curves"), "Learning curve"), (("confusion",), "Confusion matrix"))
"""What a model's pictures are called, and their titles."""
NOTHING = "Listen to a sound file first; then every model can be asked about it."
CONFUSION = "Confusion matrix: a row is what it was, a column what the model said"
WAITING = "No model for sound is installed yet. Their weights come with a release, or train one: tunesmith learn --help"


class ChanceTable(QWidget):
    """A line a label, a column a model: the fuller a cell, the likelier."""

    chosen = Signal(str)
    """The name of a model."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models: list[Model] = []
        self._verdicts: dict[str, Verdict] = {}
        self._labels: list[str] = []
        self.current = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Chances by model")

    def show_verdicts(self, models: list[Model], verdicts: dict[str, Verdict]) -> None:
        """Show these models side by side; those without a verdict yet have an empty column."""
        self._models, self._verdicts = models, dict(verdicts)
        totals: dict[str, float] = {}
        for each in verdicts.values():
            for name, chance in each.chances:
                totals[name] = totals.get(name, 0.0) + chance
        self._labels = sorted(totals, key=lambda name: -totals[name])
        said = [f"{each.title}: {verdicts[each.name].label}" for each in models if each.name in verdicts]
        self.setAccessibleDescription("; ".join(said))
        self.updateGeometry()
        self.update()

    def set_current(self, name: str) -> None:
        self.current = name
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, HEAD + LINE * len(self._labels) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(NAME_WIDTH + 16 * max(1, len(self._models)), self.sizeHint().height())

    def chance(self, model: str, name: str) -> float:
        """What a model says of a label, 0-1."""
        verdict = self._verdicts.get(model)
        return dict(verdict.chances).get(name, 0.0) if verdict is not None else 0.0

    def _column_width(self) -> float:
        return (self.width() - NAME_WIDTH) / max(1, len(self._models))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.SMALL_SIZE))
        metrics, align = painter.fontMetrics(), Qt.AlignmentFlag
        width = self._column_width()
        for column, model in enumerate(self._models):
            area = QRectF(NAME_WIDTH + column * width, 0, width, self.height())
            here = model.name == self.current
            if here:
                painter.setPen(theme.colour("accent" if self.hasFocus() else "line_strong"))
                painter.setBrush(theme.colour("raised"))
                painter.drawRoundedRect(area.adjusted(1.5, 1.5, -1.5, -1.5), 4, 4)
            painter.setPen(theme.colour("text" if here else "text_dim"))
            head = area.adjusted(2, 0, -2, 0)
            head.setHeight(HEAD)
            painter.drawText(head, int(align.AlignCenter), str(column + 1))
        for line, name in enumerate(self._labels):
            top = HEAD + line * LINE
            painter.setPen(theme.colour("text_dim"))
            text = metrics.elidedText(in_words(name), Qt.TextElideMode.ElideRight, NAME_WIDTH - 6)
            painter.drawText(
                QRectF(0, top, NAME_WIDTH, LINE), int(align.AlignVCenter | align.AlignLeft), text
            )
            for column, model in enumerate(self._models):
                cell = QRectF(NAME_WIDTH + column * width, top, width, LINE).adjusted(3, 2, -3, -2)
                self._paint_cell(painter, cell, model.name, name)

    def _paint_cell(self, painter: QPainter, cell: QRectF, model: str, name: str) -> None:
        if model not in self._verdicts:
            painter.setPen(theme.colour("text_faint"))
            painter.drawText(cell, int(Qt.AlignmentFlag.AlignCenter), "·")
            return
        chance = self.chance(model, name)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("sunken"))
        painter.drawRoundedRect(cell, 3, 3)
        if chance >= 0.01:
            fill = QRectF(cell)
            fill.setWidth(max(3.0, cell.width() * chance))
            chosen = self._verdicts[model].label == name
            painter.setBrush(theme.colour("accent", 0.85 if chosen else 0.38))
            painter.drawRoundedRect(fill, 3, 3)
        if cell.width() >= 20 and chance >= 0.1:
            painter.setPen(theme.colour("text"))
            painter.drawText(cell, int(Qt.AlignmentFlag.AlignCenter), f"{100 * chance:.0f}")

    def _model_at(self, x: float) -> Model | None:
        column = int((x - NAME_WIDTH) // max(1.0, self._column_width()))
        return self._models[column] if x >= NAME_WIDTH and 0 <= column < len(self._models) else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        model = self._model_at(event.position().x())
        line = int((event.position().y() - HEAD) // LINE)
        tip = model.title if model else ""
        if model and 0 <= line < len(self._labels) and model.name in self._verdicts:
            tip += f": {self._labels[line]} {100 * self.chance(model.name, self._labels[line]):.1f} %"
        self.setToolTip(tip)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        model = self._model_at(event.position().x())
        if model is not None:
            self.chosen.emit(model.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        names = [each.name for each in self._models]
        if step is None or not names:
            super().keyPressEvent(event)
            return
        at = names.index(self.current) + step if self.current in names else 0
        self.chosen.emit(names[max(0, min(len(names) - 1, at))])


class Thumbnail(QLabel):
    """A picture as wide as the panel; a click shows it in full."""

    def __init__(self, path: Path, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path, self._title = path, title
        self._whole = QPixmap(str(path))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(f"{title}: click to see it larger")
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def resizeEvent(self, event: object) -> None:
        ratio = self.devicePixelRatioF()
        width = max(1, round(self.width() * ratio))
        picture = self._whole.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        picture.setDevicePixelRatio(ratio)
        self.setPixmap(picture)
        self.setFixedHeight(round(picture.height() / ratio))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.enlarge()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Space):
            self.enlarge()
        else:
            super().keyPressEvent(event)

    def enlarge(self) -> None:
        """Show the picture in a window of its own."""
        dialog = QDialog(self.window())
        dialog.setWindowTitle(self._title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picture = QLabel()
        screen = self.screen().availableSize() * 0.8
        shown = self._whole
        if shown.width() > screen.width() or shown.height() > screen.height():
            shown = shown.scaled(
                screen, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        picture.setPixmap(shown)
        picture.setAccessibleName(self._title)
        layout = QVBoxLayout(dialog)
        layout.addWidget(picture)
        dialog.show()


class ModelsPage(QWidget):
    """The table, what the chosen model is, and its pictures."""

    judge_wanted = Signal(str)
    """Let this model judge from now on."""

    def __init__(self, listener: Listener, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listener = listener
        self._models: list[Model] = []
        self.table = ChanceTable()
        self.table.chosen.connect(self.choose)
        self.ask = push_button("Ask every model", self.compare, role="primary")
        self.stop = push_button("Cancel", listener.stop_comparing)
        self.note = label("", "small", wrap=True)
        self.legend = label("", "small", wrap=True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.linkActivated.connect(self.choose)
        self.title = label("", "title")
        self.about = label("", "small", wrap=True)
        self.judge = push_button("Judge by this model", lambda: self.judge_wanted.emit(self.table.current))
        self._pictures = QVBoxLayout()
        self._pictures.setSpacing(4)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(8)
        layout.addLayout(row(self.ask, self.stop))
        layout.addWidget(self.note)
        layout.addWidget(self.table)
        layout.addWidget(self.legend)
        layout.addWidget(rule())
        layout.addWidget(self.title)
        layout.addWidget(self.about)
        layout.addWidget(self.judge)
        layout.addLayout(self._pictures)
        layout.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        listener.changed.connect(self.refresh)
        listener.compared.connect(lambda _: self.refresh())
        self.refresh()

    def show_models(self, models: list[Model]) -> None:
        """Which models there are."""
        self._models = [each for each in models if each.tells == "genre" and each.hears == "recording"]
        usable = self._usable()
        if self.table.current not in {each.name for each in self._models} and self._models:
            self.choose((usable or self._models)[0].name)
        self.refresh()

    def compare(self) -> None:
        """Ask every model that is here about the file."""
        self._listener.compare([each.name for each in self._usable()])

    def choose(self, name: str) -> None:
        """Show what a model is."""
        self.table.set_current(name)
        self._show_current()
        self.refresh()

    def _usable(self) -> list[Model]:
        return [each for each in self._models if not each.why_not]

    def refresh(self) -> None:
        """Show what is known now."""
        listener = self._listener
        usable = self._usable()
        heard = listener.report is not None and listener.report.kind == "audio" and listener.path is not None
        asked = {each.name: listener.verdicts[each.name] for each in usable if each.name in listener.verdicts}
        busy = listener.is_comparing
        self.ask.setVisible(not busy)
        self.stop.setVisible(busy)
        self.ask.setEnabled(heard and len(asked) < len(usable))
        done = f"{len(asked)} of {len(usable)} models have told what they think of {listener.title}."
        self.note.setText(WAITING if not usable else done if heard else NOTHING)
        self.table.setVisible(heard and bool(asked))
        self.table.show_verdicts(usable, asked)
        self.legend.setText(
            "<br>".join(self._legend(number, each, asked) for number, each in enumerate(usable, 1))
        )
        self.judge.setEnabled(any(each.name == self.table.current for each in usable))

    def _legend(self, number: int, model: Model, asked: dict[str, Verdict]) -> str:
        colour = theme.tokens().text if model.name == self.table.current else theme.tokens().text_dim
        says = ""
        if model.name in asked:
            verdict = asked[model.name]
            best = (
                ""
                if verdict.label == NOT_SURE or not verdict.chances
                else f" {100 * verdict.chances[0][1]:.0f} %"
            )
            says = f" — {in_words(verdict.label)}{best}"
        link = f"<a href='{model.name}' style='color:{colour}; text-decoration:none'>{model.title}</a>"
        return f"<span style='color:{colour}'>{number}&nbsp; {link}{says}</span>"

    def _show_current(self) -> None:
        model = next((each for each in self._models if each.name == self.table.current), None)
        while self._pictures.count():
            item = self._pictures.takeAt(0)
            widget = item.widget() if item else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for each in (self.title, self.about, self.judge):
            each.setVisible(model is not None)
        if model is None:
            return
        self.title.setText(model.title)
        card = card_of(model.name)
        parts = (
            model.description,
            f"From: {model.source}" if model.source else "",
            figures_of(card),
            model.why_not,
        )
        self.about.setText("\n".join(part[:1].upper() + part[1:] for part in parts if part))
        lines, matrix = lines_of(card), matrix_of(card)
        drawn: list[tuple[str, QWidget]] = []
        if lines:
            drawn.append(("Learning curve", CurvePicture(lines)))
        if matrix is not None:
            drawn.append((CONFUSION, ConfusionPicture(matrix)))
        known = {text.split(":")[0] for text, _ in drawn}
        drawn += [
            (text, Thumbnail(path, f"{model.title}: {text.lower()}"))
            for path, text in pictures(model.name)
            if text not in known
        ]
        for text, picture in drawn:
            self._pictures.addWidget(label(text, "small", wrap=True))
            self._pictures.addWidget(picture)


def pictures(name: str) -> list[tuple[Path, str]]:
    """A model's learning curve and confusion matrix, where they ship: beside its card, or in the documents."""
    from core.store.folders import assets_folder, checkout_folder

    checkout = checkout_folder()
    places = [assets_folder() / "models", *([checkout / "docs"] if checkout else [])]
    found = []
    for kinds, title in PICTURES:
        names = [f"{stem}-{kind}.png" for stem in (name, f"genre-{name}", f"zoo-{name}") for kind in kinds]
        path = next((place / each for place in places for each in names if (place / each).is_file()), None)
        if path is not None:
            found.append((path, title))
    return found


def card_of(name: str) -> dict[str, Any]:
    """A model's card; empty where it is not installed."""
    from core.store.model_file import find_models

    return next((found.card for found in find_models("listen") if found.name == name), {})
