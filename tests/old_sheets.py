"""Workbooks of the older kinds, made byte by byte: XLS (BIFF8 in a compound file) and ODS (XML in a zip)."""

import io
import struct
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

Rows = Sequence[Sequence[str | float]]
SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_BOF, _EOF, _SHEET, _LABEL, _NUMBER, _DIMENSIONS = 0x0809, 0x000A, 0x0085, 0x0204, 0x0203, 0x0200


def ods(rows: Rows) -> bytes:
    """Return a workbook of one sheet as LibreOffice keeps it."""
    lines = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="Users">{lines}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("mimetype", kind)
        file.writestr("META-INF/manifest.xml", manifest)
        file.writestr("content.xml", content)
    return out.getvalue()


def _ods_cell(value: str | float) -> str:
    kind = f'"float" office:value="{value}"' if isinstance(value, float) else '"string"'
    return f"<table:table-cell office:value-type={kind}><text:p>{escape(str(value))}</text:p></table:table-cell>"


def xls(rows: Rows) -> bytes:
    """Return a workbook of one sheet as Excel kept it until 2003."""
    name = b"Users"

    def head(at: int) -> bytes:
        bound = struct.pack("<IHBB", at, 0, len(name), 0) + name
        return _record(_BOF, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0x06)) + _record(_SHEET, bound)

    at = len(head(0) + _record(_EOF))
    width = max((len(row) for row in rows), default=0)
    sheet = _record(_BOF, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0x06))
    sheet += _record(_DIMENSIONS, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            place = struct.pack("<HHH", number, column, 0)
            if isinstance(value, float):
                sheet += _record(_NUMBER, place + struct.pack("<d", value))
            else:
                sheet += _record(_LABEL, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
    return compound("Workbook", head(at) + _record(_EOF) + sheet + _record(_EOF))


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def compound(stream: str, content: bytes) -> bytes:
    """Return a compound file with one stream, which is large enough to have sectors of its own."""
    content = content.ljust(max(4096, -(-len(content) // SECTOR) * SECTOR), b"\x00")
    sectors = len(content) // SECTOR
    # Sector 0 is the table of sectors, 1 the directory, the rest the stream.
    chain = [_FAT, _END, *range(3, 2 + sectors), _END]
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, 1, 0, 4096, _END, 0, _END, 0,
    )  # fmt: skip
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    root = _entry("Root Entry", 5, child=1, start=_END, size=0)
    directory = root + _entry(stream, 2, child=_FREE, start=2, size=len(content))
    return header + table + directory.ljust(SECTOR, b"\x00") + content


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\x00\x00"
    sides = struct.pack("<HBBIII", len(text), kind, 1, _FREE, _FREE, child)
    return text.ljust(64, b"\x00") + sides + b"\x00" * 36 + struct.pack("<IQ", start, size)
