"""Says which bytes python-escpos sends for each of a list of operations.

Input: a JSON list of [method, {argument: value}]. Output: a JSON list of hexadecimal strings.
It must not know what we send; the test compares.
"""

import contextlib
import json
import sys

from escpos.printer import Dummy


def encode(operations):
    # The profile numbers code pages as Epson does; nothing else of it is used here.
    printer = Dummy(profile="TM-T88V")
    pieces = []
    for method, arguments in operations:
        if method == "text":
            # Which page to print in is our own choice; how a page is encoded is not.
            printer.magic.write_with_encoding(arguments["page"], arguments["text"])
        else:
            getattr(printer, method)(**arguments)
        pieces.append(printer.output.hex())
        printer.clear()
    return pieces


def main():
    # The package says on standard output how it draws bars.
    with contextlib.redirect_stdout(sys.stderr):
        pieces = encode(json.load(sys.stdin))
    json.dump(pieces, sys.stdout)


if __name__ == "__main__":
    main()
