#!/usr/bin/env python3
"""Measures what it takes to pull images from a registry on this machine; prints Markdown for docs/performance.md.

usage: images.py [--only NAME,...] [--runs N] [--megabytes N] [--work DIR] [--binary FILE] [--json FILE]
                                                                     NAME: gzip gzip-layers zstd zstd-layers

The image has files of this machine's /usr/lib and /usr/share, in one layer or in six. podagent, podman, skopeo with umoci,
and curl with gzip and tar pull it in turn from Debian's docker-registry.

No time makes it fail. Exit codes: 0 measured, 1 something did not work, 2 wrong usage.
"""

import argparse

import image_pulls
import parts
from places import BINARY

PARTS = {
    "gzip": image_pulls.Part("gzip", 1),
    "gzip-layers": image_pulls.Part("gzip", 6),
    "zstd": image_pulls.Part("zstd", 1),
    "zstd-layers": image_pulls.Part("zstd", 6),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), metavar="NAME,...", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="pulls by each (default 5)")
    parser.add_argument("--megabytes", type=int, default=300, metavar="N", help="files of the image (default 300)")
    parser.add_argument("--work", metavar="DIR", help="where private directories are made (default: TMPDIR)")
    parser.add_argument("--binary", default=BINARY, metavar="FILE", help="the podagent to measure (default: the release)")
    parser.add_argument("--json", metavar="FILE", help="also write every figure there")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if not set(options.only) <= set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}")
    if min(options.runs, options.megabytes) < 1:
        parser.error("numbers are at least 1")
    return options


if __name__ == "__main__":
    parts.run("images", PARTS, arguments(), make="bench-images")
