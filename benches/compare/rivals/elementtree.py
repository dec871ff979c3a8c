"""elementtree.py PACKAGE: the values of a STIX 1 package, one a line, by ElementTree's iterparse."""

import sys
import xml.etree.ElementTree as ET

FIELDS = {"Address_Value", "Value", "Hostname_Value", "Simple_Hash_Value"}


def main() -> None:
    out = []
    for _, element in ET.iterparse(sys.argv[1]):
        name = element.tag.rpartition("}")[2]
        if name == "Indicator":
            for inner in element.iter("{http://cybox.mitre.org/cybox-2}Properties"):
                for field in inner.iter():
                    if field.tag.rpartition("}")[2] in FIELDS:
                        out.append(field.text.strip())
            element.clear()
        elif name in ("TTP", "Course_Of_Action"):
            element.clear()
    sys.stdout.write("\n".join(out) + "\n")


main()
