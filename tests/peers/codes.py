"""Reads codes with zxing-cpp: `codes.py read` from our pictures, `codes.py scan` from its own.

Input of `read`: a JSON list of PNG files in hexadecimal. Output: for each a list of codes.
Input of `scan`: a JSON list of [format, content, module]. Each is drawn by the writer that the
package brings (zint's library) and read back from the picture. Output: the codes.
A code is {"mark": AIM symbology identifier, "content": hexadecimal}. It must not know our code.
"""

import io
import json
import sys

import zxingcpp
from PIL import Image


def found(picture):
    codes = zxingcpp.read_barcodes(picture)
    codes.sort(key=lambda code: code.position.top_left.y)
    return [{"mark": code.symbology_identifier, "content": code.bytes.hex()} for code in codes]


def read(files):
    return [found(Image.open(io.BytesIO(bytes.fromhex(file)))) for file in files]


def scan(wanted):
    codes = []
    for name, content, module in wanted:
        drawn = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, name))
        seen = found(drawn.to_image(scale=module))
        if len(seen) != 1:
            raise SystemExit(f"{name} {content}: {len(seen)} codes were read from its picture")
        codes.append(seen[0])
    return codes


if __name__ == "__main__":
    json.dump({"read": read, "scan": scan}[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
