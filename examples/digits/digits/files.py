"""Files that appear complete or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A file to write to that takes the path's place once it is complete and on disk; after an error, nothing does.

    Raises:
        OSError: the folder cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o644)  # mkstemp lets nobody else read it, and the reader may run as another user
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
