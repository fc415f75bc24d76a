"""Where configs lie: packaged names, `.gin` files, and what they include."""

from __future__ import annotations

import importlib.resources
import os
import re
from collections.abc import Sequence
from pathlib import Path

from ddsp_core.config.resolve import did_you_mean, nearest
from ddsp_core.errors import ConfigError

BASE = "train/base.gin"  # read before every config, as Magenta's `ddsp_run` does
MODELS = "models"
_INCLUDE = re.compile(r"""^include\s+(['"])(?P<name>.+?)\1\s*(#.*)?$""")


def load(name_or_path: str | os.PathLike[str], bindings: Sequence[str] = ()) -> str:
    """Return the whole text of a config, with what it includes.

    Args:
        name_or_path: A packaged name such as 'solo_instrument', or a `.gin` file.
        bindings: Further statements, such as 'Trainer.learning_rate=1e-4'; they win.

    Raises:
        ConfigError: There is no such config or included file.
    """
    parts = [text_of(packaged() / BASE), text_of(find(name_or_path))]
    if bindings:
        parts.append("\n".join(["# Set by hand", *bindings, ""]))
    return "\n".join(parts)


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the file of a packaged name or a path.

    Raises:
        ConfigError: Neither exists; the message suggests the nearest name.
    """
    return find_in(MODELS, name_or_path)


def find_in(folder: str, name_or_path: str | os.PathLike[str]) -> Path:
    """Return the file of a path or of a name in one folder of the packaged configs.

    Raises:
        ConfigError: Neither exists; the message suggests the nearest name.
    """
    text = os.fspath(name_or_path)
    if text.endswith(".gin"):
        for path in (Path(text), packaged() / text):
            if path.is_file():
                return path
        raise ConfigError(f"there is no config file {text!r}")
    named = [path for path in _configs(folder) if path.stem == text]
    for path in (*named, packaged() / f"{text}.gin"):
        if path.is_file():
            return path
    known = packaged_names(folder)
    raise ConfigError(
        f"there is no config {text!r}{did_you_mean(nearest(text, known))};"
        f" packaged are {', '.join(known)}; anything else is the path of a .gin file"
    )


def text_of(path: Path) -> str:
    """Return the text of a config file with what it includes."""
    return _text(path, ())


def packaged() -> Path:
    """Return the folder of the packaged configs."""
    return Path(str(importlib.resources.files("configs")))


def packaged_names(folder: str = MODELS) -> list[str]:
    """Return the names that configs of a folder have; of models, for `load`."""
    return sorted(path.stem for path in _configs(folder))


def resolved(text: str, search_path: Sequence[str | os.PathLike[str]] = ()) -> str:
    """Return a text with its `include` lines replaced by the files they name.

    Args:
        text: Of a config.
        search_path: Folders to look in before the packaged configs.
    """
    folders = tuple(Path(folder) for folder in search_path)
    return _with_includes(text, folders, ())


def _configs(folder: str) -> list[Path]:
    return list((packaged() / folder).rglob("*.gin"))


def _text(path: Path, within: tuple[Path, ...]) -> str:
    """Return a file with what it includes; `within` are the files that include it."""
    if path.resolve() in within:
        raise ConfigError(f"{path} includes itself")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as a config: {error}") from error
    # Magenta names includes from the root of its configs: a folder above the file.
    folders = tuple(path.resolve().parents)
    return _with_includes(text, folders, (*within, path.resolve()))


def _with_includes(
    text: str, folders: tuple[Path, ...], within: tuple[Path, ...]
) -> str:
    lines = []
    for line in text.splitlines():
        match = _INCLUDE.match(line)
        if match is None:
            lines.append(line)
            continue
        name = match["name"]
        found = [f / name for f in (*folders, packaged()) if (f / name).is_file()]
        if not found:
            raise ConfigError(f"{line!r}: there is no such file beside or above it")
        lines += [f"# From {name}:", _text(found[0], within)]
    return "\n".join(lines) + "\n"
