"""Imports functions with their folder and the layer on the path, nothing else, and prints how many.

Started as ``python -I -S import_functions.py LAYER`` with lines ``FOLDER MODULE`` as input, by any Python
that the template allows.
"""

import importlib
import sys
import traceback


def main(layer: str) -> None:
    standard, count = list(sys.path), 0
    for line in sys.stdin:
        folder, module = line.split()
        sys.path[:] = [folder, layer, *standard]
        try:
            handler = importlib.import_module(module).handler
        except Exception:  # noqa: BLE001  all that went wrong is printed
            sys.exit(f"{module}: {traceback.format_exc()}")
        count += callable(handler)
    sys.stdout.write(f"{sys.version_info.major}.{sys.version_info.minor} {count}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
