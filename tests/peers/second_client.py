"""Talks to a printer on the network with python-escpos: `second_client.py HOST PORT COMMAND`.

`status` says what the client makes of the printer's answers, as JSON. `receipt` prints the text
of the input, then codes, a drawer pulse and a cut. It must not know that the printer is simulated.
"""

import json
import sys

from escpos.constants import QR_ECLEVEL_M
from escpos.printer import Network

TIMEOUT_S = 10


def status(printer):
    paper = {0: "out", 1: "low", 2: "ok"}[printer.paper_status()]
    json.dump({"online": printer.is_online(), "paper": paper}, sys.stdout)


def receipt(printer):
    printer.hw("INIT")
    printer.text(sys.stdin.read())
    printer.set(align="center", bold=True, double_height=True)
    printer.textln("5.00")
    printer.set_with_default()
    printer.barcode("{BS07-R2-000124", "CODE128", height=64, width=2, function_type="B")
    printer.qr("https://shop.example/r/2", ec=QR_ECLEVEL_M, size=4, native=True)
    printer.cashdraw(2)
    printer.cut(mode="PART")


def main():
    host, port, command = sys.argv[1:]
    printer = Network(host, port=int(port), timeout=TIMEOUT_S, profile="TM-T88V")
    printer.open()
    {"status": status, "receipt": receipt}[command](printer)
    printer.close()


if __name__ == "__main__":
    main()
