"""Files: written in one step, locked, resumable; text, tables and checksums. NumPy and the standard library alone."""

from voxplore.storage.atomic import atomic_file, put_in_place, refuse_existing, staged_folder
from voxplore.storage.bounded import check_regular, limited_lines
from voxplore.storage.cache import cache_folder, usable_cache
from voxplore.storage.checksums import check_sha256
from voxplore.storage.locks import lock, sweep
from voxplore.storage.ownership import keep_inputs
from voxplore.storage.resumable import ResumableFolder, resumable_folder, unfinished
from voxplore.storage.system_errors import named_os_errors
from voxplore.storage.tables import csv_line, csv_rows, unquoted, write_csv
from voxplore.storage.telling import counted, no_bar, stage
from voxplore.storage.text import json_value, read_json, read_text, sha256, write_json, write_text

__all__ = [
    "ResumableFolder",
    "atomic_file",
    "cache_folder",
    "check_regular",
    "check_sha256",
    "counted",
    "csv_line",
    "csv_rows",
    "json_value",
    "keep_inputs",
    "limited_lines",
    "lock",
    "named_os_errors",
    "no_bar",
    "put_in_place",
    "read_json",
    "read_text",
    "refuse_existing",
    "resumable_folder",
    "sha256",
    "stage",
    "staged_folder",
    "sweep",
    "unfinished",
    "unquoted",
    "usable_cache",
    "write_csv",
    "write_json",
    "write_text",
]
