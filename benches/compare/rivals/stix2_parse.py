"""stix2_parse.py BUNDLE: the patterns of a STIX 2.1 bundle, one a line, by stix2.parse."""

import sys

import stix2


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        bundle = stix2.parse(file.read(), allow_custom=True)
    for found in bundle.objects:
        if found.type == "indicator":
            print(found.pattern)


main()
