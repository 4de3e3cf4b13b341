"""What is wrong with a file that somebody gave."""

from __future__ import annotations

from pathlib import Path


class FileError(Exception):
    """A file cannot be used. The message names it, the line where there is one, and what to do."""

    def __init__(self, path: Path, line: int | None, said: str) -> None:
        super().__init__(f"{path}:{line}: {said}" if line is not None else f"{path}: {said}")


def text_of(path: Path) -> str:
    """The file's text, without a byte order mark. Raises FileError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(path, None, "is not UTF-8 text") from None
    except OSError as error:
        raise FileError(path, None, (error.strerror or str(error)).lower()) from error
