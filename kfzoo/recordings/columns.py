"""Which columns of a table hold the timecode and the 61 channels; all others are passed over by name."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from kfzoo.arkit.channels import ANGLES, CHANNELS, INDEX, canonical
from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.table import Table

KIND = "Live Link Face CSV"

_OTHERS = {"timecode": "Timecode", "blendshapecount": "BlendshapeCount"}
_NAMED = 3  # Columns that one remark names.


@dataclass(frozen=True)
class Columns:
    """Where a row's cells are.

    Attributes:
        width: Cells of a row, empty ones at its end included.
        needed: Cells that every row must have.
        timecode: Column of the timecode, or None.
        count: Column of the number of values, or None.
        channels: Positions of the channels that the file has, in `CHANNELS`.
        order: The column of each of them.
        remarks: What was passed over or filled in.
    """

    width: int
    needed: int
    timecode: int | None
    count: int | None
    channels: list[int]
    order: list[int]
    remarks: list[str]

    def timecode_of(self, row: str) -> str:
        """Returns the timecode's cell, which may be missing from a row without a face."""
        if self.timecode == 0:
            return row.partition(",")[0]
        cells = row.split(",")
        return cells[self.timecode] if self.timecode is not None and self.timecode < len(cells) else ""

    def is_lost(self, row: str) -> bool:
        """Whether a row shows no face: its values are blank, and nothing else is wrong with it."""
        cells = row.split(",")
        if any(cells[column].strip() for column in self.order if column < len(cells)):
            return False
        counted = self.count is not None and self.count < len(cells) and cells[self.count].strip() == "0"
        return counted or len(cells) >= self.needed

    def fault_of(self, row: str, *, last: bool) -> str:
        """Returns what is wrong with the number of a row's cells, or nothing."""
        cells = row.split(",")
        if len(cells) < self.needed:
            cut = "; the file seems to be cut off here" if last else ""
            return f"{len(cells)} columns instead of {self.width}{cut}"
        if any(cell.strip() for cell in cells[self.width :]):
            commas = len(cells) >= 2 * len(self.order)
            why = "; decimal commas need semicolons between the columns, or quotes" if commas else ""
            return f"{len(cells)} columns instead of {self.width}{why}"
        return ""


def find_columns(file: Path, table: Table, options: ReadingOptions) -> Columns:
    """Finds the columns by their names.

    Args:
        file: For messages.
        table: The table.
        options: Whether the head and eye angles may be missing, and the timecodes.

    Raises:
        InputError: For a column that is missing or occurs twice.
    """
    where = f"{file}:{table.header_line}"
    found: dict[str, int] = {}
    unknown: dict[int, str] = {}
    for column, name in enumerate(table.names):
        key = _key(name)
        if key is None:
            unknown[column] = name
        elif key in found:
            raise InputError(where, f"column '{key}' occurs twice, in columns {found[key] + 1} and {column + 1}")
        else:
            found[key] = column
    for angle in _blank_angles(table, found):
        del found[angle]
    _refuse_missing(where, found, unknown, options)
    zero = [angle for angle in ANGLES if angle not in found]
    remarks = [f"columns passed over: {_listed(list(unknown.values()))}"] if any(unknown.values()) else []
    if zero:
        remarks.append(f"set to 0, as head: zero asks: {_listed(zero)}")
    present = [name for name in CHANNELS if name in found]
    return Columns(
        width=len(table.names),
        needed=max(found.values()) + 1,
        timecode=found.get("Timecode"),
        count=found.get("BlendshapeCount"),
        channels=[INDEX[name] for name in present],
        order=[found[name] for name in present],
        remarks=remarks,
    )


def _key(name: str) -> str | None:
    other = _OTHERS.get(name.lower())
    if other:
        return other
    try:
        return canonical(name)
    except InputError:
        return None


def _blank_angles(table: Table, found: dict[str, int]) -> list[str]:
    """Returns the angles of which no row has a value, though there are columns: recorded without the head."""
    angles = [angle for angle in ANGLES if angle in found]
    blank = {found[angle]: angle for angle in angles}
    channels = [column for name, column in found.items() if name in INDEX]
    for row in table.rows:
        cells = row.split(",")
        if any(cells[column].strip() for column in channels if column < len(cells)):
            blank = {
                column: angle for column, angle in blank.items() if not "".join(cells[column : column + 1]).strip()
            }
            if not blank or len(cells) <= max(blank):
                return []
    return list(blank.values())


def _refuse_missing(where: str, found: dict[str, int], unknown: dict[int, str], options: ReadingOptions) -> None:
    needed = [*(["Timecode"] if options.row_fps is None else []), *CHANNELS]
    missing = [key for key in needed if key not in found]
    others = [key for key in missing if key not in ANGLES]
    if not others and missing and options.head == "recorded":
        which = "nine head and eye angles" if len(missing) == len(ANGLES) else f"angles {_listed(missing)}"
        remedy = "record with the head and eye angles on, or set head: zero (--source.head zero) to take them as 0"
        raise InputError(where, f"the {which} are missing", remedy)
    if others:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        near = get_close_matches(others[0], unknown.values(), n=1)
        hint = f" (is it '{near[0]}'?)" if near else ""
        remedy = "export the take as Live Link Face CSV again"
        if others == ["Timecode"]:
            remedy = "add it, or set row_fps (--source.row_fps) to the rows a second"
        raise InputError(where, f"column '{others[0]}'{more} is missing{hint}", remedy)


def _listed(names: list[str]) -> str:
    named = [name for name in names if name]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(f"'{name}'" for name in named[:_NAMED]) + more
