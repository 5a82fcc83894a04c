"""Where tests/peers/install puts what the applications of examples/ need."""

import os
import pathlib

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "saddlebag-tests"
PYTHON = CACHE / "languages" / "python" / "bin" / "python3"
NODE_MODULES = CACHE / "languages" / "node" / "node_modules"
