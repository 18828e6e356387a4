"""One page of PDF: lines of text, filled rectangles, and a file attached.

Enough for a certificate. Text is set in Helvetica, which every reader has; what the Latin alphabet of Western
Europe lacks is set in a font of the system's, put into the file whole, where one is found (`find_font`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PAGE = (595, 842)
"""A4 in points."""

FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/System/Library/Fonts/Supplemental/Arial.ttf",
    "C:/Windows/Fonts/arial.ttf",
)
UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Font:
    """What of a TrueType file is needed to write with it: widths and heights are thousandths of the size."""

    data: bytes
    glyphs: dict[int, int]
    widths: list[int]
    box: tuple[int, ...]
    ascent: int
    descent: int


@dataclass
class Page:
    """A page being written; the origin is the lower left corner, lengths are points."""

    drawing: list[bytes] = field(default_factory=list)
    attached: tuple[str, bytes] | None = None
    used: dict[int, int] = field(default_factory=dict)

    def text(
        self, x: float, y: float, text: str, size: float, *, bold: bool = False, fixed: bool = False
    ) -> None:
        """Write one line; characters that no font has become question marks."""
        plain = _latin(text)
        if plain is not None:
            shown = b"(" + plain.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"
            name = b"/F3" if fixed else b"/F2" if bold else b"/F1"
        else:
            shown, name = self._foreign(text)
        self.drawing.append(b"BT %s %.2f Tf %.2f %.2f Td %s Tj ET" % (name, size, x, y, shown))

    def boxes(self, grey: float, boxes: Iterable[tuple[float, float, float, float]]) -> None:
        """Fill rectangles (x, y, width, height) with a grey (0 black to 1 white)."""
        shapes = b" ".join(b"%.2f %.2f %.2f %.2f re" % box for box in boxes)
        if shapes:
            self.drawing.append(b"%.2f g " % grey + shapes + b" f 0 g")

    def attach(self, name: str, data: bytes) -> None:
        """Put a file into the document."""
        self.attached = (name, data)

    def pdf(self, title: str) -> bytes:
        """The whole document."""
        objects: list[bytes] = []

        def add(body: bytes) -> int:
            objects.append(body)
            return len(objects)

        catalog, pages, page = add(b""), add(b""), add(b"")
        fonts = [
            add(b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % name)
            for name in (b"Helvetica", b"Helvetica-Bold", b"Courier")
        ]
        font = find_font()
        if self.used and font:
            fonts.append(_embedded(add, font, self.used))
        content = add(_stream(b"\n".join(self.drawing)))
        named = b" ".join(b"/F%d %d 0 R" % pair for pair in enumerate(fonts, 1))
        files = b""
        if self.attached:
            name, data = self.attached
            stream = add(_stream(data, b"/Type /EmbeddedFile /Subtype /application#2Fjson"))
            spec = add(
                b"<< /Type /Filespec /F %s /UF %s /EF << /F %d 0 R >> >>"
                % (_string(name), _string(name), stream)
            )
            files = b" /Names << /EmbeddedFiles << /Names [%s %d 0 R] >> >>" % (_string(name), spec)
        info = add(b"<< /Title %s /Producer (Tunesmith) >>" % _string(title))
        objects[catalog - 1] = b"<< /Type /Catalog /Pages %d 0 R%s >>" % (pages, files)
        objects[pages - 1] = b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % page
        objects[page - 1] = (
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R /Resources << /Font << %s >> >> >>"
            % (pages, *PAGE, content, named)
        )
        whole = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(objects, 1):
            places.append(len(whole))
            whole += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(whole)
        whole += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        whole += b"".join(b"%010d 00000 n \n" % place for place in places)
        whole += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (len(objects) + 1, catalog, info)
        whole += b"startxref\n%d\n%%%%EOF\n" % start
        return bytes(whole)

    def _foreign(self, text: str) -> tuple[bytes, bytes]:
        font = find_font()
        if font is None:
            plain = text.encode("cp1252", "replace")
            return b"<" + plain.hex().encode() + b">", b"/F1"
        glyphs = [font.glyphs.get(ord(letter), font.glyphs.get(ord(UNKNOWN), 0)) for letter in text]
        self.used.update(zip(glyphs, map(ord, text), strict=True))
        return b"<" + b"".join(b"%04x" % glyph for glyph in glyphs) + b">", b"/F4"


@cache
def find_font() -> Font | None:
    """A font of this system that can be put into the file; None where there is none of those we know."""
    for name in FONTS:
        try:
            return read_font(Path(name).read_bytes())
        except (OSError, struct.error, KeyError, IndexError, ValueError):
            continue
    return None


def read_font(data: bytes) -> Font:
    """The font in a TrueType file.

    Raises
    ------
    KeyError, ValueError, struct.error
        where it is of another kind
    """
    count = struct.unpack_from(">H", data, 4)[0]
    tables = {
        tag: data[start : start + length]
        for tag, start, length in (struct.unpack_from(">4s4xLL", data, 12 + 16 * i) for i in range(count))
    }
    if b"glyf" not in tables:
        raise ValueError("no TrueType outlines")
    units = struct.unpack_from(">H", tables[b"head"], 18)[0]

    def scaled(value: int) -> int:
        return round(1000 * value / units)

    ascent, descent = struct.unpack_from(">hh", tables[b"hhea"], 4)
    advances = struct.unpack_from(">H", tables[b"hhea"], 34)[0]
    widths = [scaled(struct.unpack_from(">H", tables[b"hmtx"], 4 * i)[0]) for i in range(advances)]
    box = tuple(map(scaled, struct.unpack_from(">4h", tables[b"head"], 36)))
    return Font(data, _glyphs(tables[b"cmap"]), widths, box, scaled(ascent), scaled(descent))


def _glyphs(cmap: bytes) -> dict[int, int]:
    """Character -> glyph from the table's format 4 for Unicode."""
    for index in range(struct.unpack_from(">H", cmap, 2)[0]):
        platform, encoding, start = struct.unpack_from(">HHL", cmap, 4 + 8 * index)
        if (platform, encoding) in {(3, 1), (0, 3)} and struct.unpack_from(">H", cmap, start)[0] == 4:
            break
    else:
        raise ValueError("no Unicode table")
    count = struct.unpack_from(">H", cmap, start + 6)[0] // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{count}H", cmap, start + 14 + 2 * count * row + (2 if row else 0))
        for row in range(4)
    )
    base = start + 16 + 6 * count
    found = {}
    for row in range(count):
        for letter in range(starts[row], min(ends[row], 0xFFFE) + 1):
            glyph = letter
            if offsets[row]:
                at = base + 2 * row + offsets[row] + 2 * (letter - starts[row])
                glyph = struct.unpack_from(">H", cmap, at)[0]
                if not glyph:
                    continue
            found[letter] = (glyph + deltas[row]) & 0xFFFF
    return found


def _embedded(add: Callable[[bytes], int], font: Font, used: dict[int, int]) -> int:
    """The objects of an embedded font; the number of the one to refer to."""
    file = add(_stream(font.data, b"/Length1 %d" % len(font.data)))
    descriptor = add(
        b"<< /Type /FontDescriptor /FontName /Embedded /Flags 4 /FontBBox [%d %d %d %d] /ItalicAngle 0"
        b" /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>"
        % (*font.box, font.ascent, font.descent, font.ascent, file)
    )
    widths = b" ".join(
        b"%d [%d]" % (glyph, font.widths[min(glyph, len(font.widths) - 1)]) for glyph in sorted(used)
    )
    descendant = add(
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Embedded /CIDSystemInfo << /Registry (Adobe)"
        b" /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /W [%s] >>"
        % (descriptor, widths)
    )
    letters = b"\n".join(
        b"<%04x> <%s>" % (glyph, chr(letter).encode("utf-16-be").hex().encode())
        for glyph, letter in sorted(used.items())
    )
    to_unicode = add(
        _stream(
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def"
            b" 1 begincodespacerange <0000> <ffff> endcodespacerange\n%d beginbfchar\n%s\nendbfchar endcmap end end"
            % (len(used), letters)
        )
    )
    return add(
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Embedded /Encoding /Identity-H /DescendantFonts [%d 0 R]"
        b" /ToUnicode %d 0 R >>" % (descendant, to_unicode)
    )


def _latin(text: str) -> bytes | None:
    """``text`` as Helvetica takes it; None where it lacks a letter."""
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError:
        return None


def _string(text: str) -> bytes:
    return b"<" + ("\ufeff" + text).encode("utf-16-be").hex().encode() + b">"


def _stream(data: bytes, more: bytes = b"") -> bytes:
    packed = zlib.compress(data)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (len(packed), more, packed)
