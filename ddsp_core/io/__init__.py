"""Files on a local disk or on `gs://`: the one place that turns a name into bytes.

Every function takes both, except `local_path`, which says of what works on local files
only that it does. What is written is there whole or not at all.
"""

from ddsp_core.io.addresses import Entry, is_remote, join, local_path, name, parent
from ddsp_core.io.copies import local_copy, remove_left_copies
from ddsp_core.io.disk import storage_errors
from ddsp_core.io.files import (
    entries,
    entry,
    fingerprint,
    is_dir,
    is_file,
    make_folder,
    move,
    names,
    read_bytes,
    read_json,
    read_jsonl,
    read_range,
    read_text,
    remove,
    remove_tree,
    replacing,
    sha256_file,
    write_bytes,
    write_json,
    write_jsonl,
    write_text,
)
from ddsp_core.io.lock import Lock, locked

__all__ = [
    "Entry",
    "Lock",
    "entries",
    "entry",
    "fingerprint",
    "is_dir",
    "is_file",
    "is_remote",
    "join",
    "local_copy",
    "local_path",
    "locked",
    "make_folder",
    "move",
    "name",
    "names",
    "parent",
    "read_bytes",
    "read_json",
    "read_jsonl",
    "read_range",
    "read_text",
    "remove",
    "remove_left_copies",
    "remove_tree",
    "replacing",
    "sha256_file",
    "storage_errors",
    "write_bytes",
    "write_json",
    "write_jsonl",
    "write_text",
]
