"""Plain values of STIX 1 documents, read with ElementTree: one JSON object a file.

    python3 stix1.py FILE...

A second reading, short and slow, to hold the program's against: it knows OR, AND, conditions, lists and references,
and gives up where an AND stands, as the program does.
"""
import json
import sys
import xml.etree.ElementTree as ET

TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


def name(element):
    return element.tag.rsplit("}", 1)[-1]


def children(element, wanted):
    return [child for child in element if name(child) == wanted]


def looked_for(indicator):
    """The elements that say what an indicator looks for."""
    for child in indicator:
        if name(child) in ("Observable", "Observables", "Composite_Indicator_Expression"):
            yield from child.iter()


def is_object(kind):
    return kind in ("Indicator", "Observable", "TTP", "Campaign", "Threat_Actor", "Course_Of_Action", "Exploit_Target")


class Document:
    def __init__(self, path):
        self.root = ET.parse(path).getroot()
        versions = [e.get("version") for e in self.root.iter() if name(e) in ("STIX_Package", "Package")]
        self.commas = bool(versions) and versions[0] in (None, "1.0")
        self.ids = {}
        self.index(self.root)
        self.asked = set()

    def index(self, element):
        if name(element) in ("Test_Mechanisms", "Test_Mechanism"):
            return
        if element.get("id") and name(element) in ("Observable", "Object", "Related_Object", "Associated_Object", "Indicator"):
            self.ids.setdefault(element.get("id"), element)
        for child in element:
            self.index(child)

    def values(self):
        """What is looked for, by indicators and by observables that nothing refers to."""
        found, alone = set(), []
        self.walk(self.root, found, alone)
        for observable in alone:
            self.references(observable)
        for observable in alone:
            if observable.get("id") not in self.asked:
                found |= self.observable(observable, ())
        return found

    def walk(self, element, found, alone):
        for child in element:
            kind = name(child)
            if kind in ("Test_Mechanisms", "Test_Mechanism"):
                continue
            if kind == "Indicator" and len(child):
                self.references(child)
                found |= self.indicator(child, ())
                for inner in child:
                    # what it looks for is no observable that stands alone, nor are the indicators of an AND
                    if name(inner) == "Composite_Indicator_Expression":
                        if inner.get("operator", "AND").upper() == "OR":
                            self.walk(inner, found, alone)
                    elif name(inner) not in ("Observable", "Observables"):
                        self.walk([inner] if is_object(name(inner)) else inner, found, alone)
            elif kind == "Observable":
                if len(child):
                    alone.append(child)
            else:
                self.walk(child, found, alone)

    def references(self, element):
        """Notes the ids that are referred to from here, and from what is referred to."""
        for inner in element.iter() if name(element) != "Indicator" else looked_for(element):
            target = inner.get("idref") or inner.get("object_reference")
            if target and target not in self.asked:
                self.asked.add(target)
                if target in self.ids:
                    self.references(self.ids[target])

    def refer(self, element, seen, read):
        """Follows `idref`; an unknown one is `None`."""
        target = element.get("idref")
        if not target or len([c for c in element if name(c) != "Relationship"]):
            return read(element, seen)
        if target in seen or target not in self.ids:
            return None
        return self.any_of(self.ids[target], seen + (target,))

    def any_of(self, element, seen):
        if name(element) == "Indicator":
            return self.indicator(element, seen)
        return self.observable(element, seen) if name(element) == "Observable" else self.object(element, seen)

    def indicator(self, element, seen):
        if element.get("negate") in ("true", "1"):
            return set()
        found = set()
        for child in element:
            if name(child) == "Observable":
                found |= self.observable(child, seen)
            elif name(child) == "Observables":
                for inner in children(child, "Observable"):
                    found |= self.observable(inner, seen)
            elif name(child) == "Composite_Indicator_Expression":
                parts = [self.refer(inner, seen, self.indicator) for inner in children(child, "Indicator")]
                found |= join(child.get("operator"), parts)
        return found

    def observable(self, element, seen):
        return self.refer(element, seen, self.described) or set()

    def described(self, element, seen):
        if element.get("negate") in ("true", "1"):
            return set()
        parts = []
        for child in element:
            if name(child) == "Object":
                parts.append(self.object(child, seen))
            elif name(child) == "Observable_Composition":
                inner = [self.refer(c, seen, self.described) for c in children(child, "Observable")]
                parts.append(join(child.get("operator"), inner))
            elif name(child) == "Event":
                inner = [self.object(c, seen) for c in child.iter() if name(c) == "Associated_Object"]
                parts.append(join("AND", inner))
        return join("AND", parts)

    def object(self, element, seen):
        def read(element, seen):
            parts = [self.properties(c, seen) for c in element if name(c) in ("Properties", "Defined_Object") and has_text(c)]
            for list_ in children(element, "Related_Objects"):
                parts += [self.object(c, seen) for c in children(list_, "Related_Object")]
            return join("AND", [part for part in parts if part != "nothing"])
        if element.get("idref") is None and not any(has_text(c) for c in element):
            return "nothing"
        return self.refer(element, seen, read)

    def properties(self, element, seen):
        kind = (element.get(TYPE) or "").rsplit(":", 1)[-1]
        is_file = kind.endswith("FileObjectType") or kind == "ArtifactObjectType"
        fields = []
        self.fields(element, kind, is_file, "", seen, fields)
        if len(fields) == 1:
            return fields[0][1]
        if is_file:
            return set().union(*(values for what, values in fields if what == "digest" and values)) if fields else "nothing"
        ports = [values for what, values in fields if what == "port"]
        addresses = [values for what, values in fields if what == "address"]
        if len(fields) == 2 and len(ports) == len(addresses) == 1 and "Socket" in kind + "".join(x.tag for x in element):
            return {("ip-port", f"[{text}]:{ports[0]}" if ":" in text else f"{text}:{ports[0]}") for _, text in addresses[0]}
        return set()

    def fields(self, element, kind, is_file, path, seen, fields):
        for child in element:
            here = name(child)
            if child.get("object_reference"):
                target = self.ids.get(child.get("object_reference"))
                fields.append(("reference", None if target is None else self.any_of(target, seen)))
            if here in ("Is_Domain_Name", "Naming_System") or (here == "Type" and name(element) == "Hash"):
                continue
            if (child.text or "").strip():
                what, hint = meaning(child, element, kind, is_file, path)
                text = child.text.strip()
                if what == "port":
                    fields.append(("port", text))
                else:
                    fields.append((what, self.listed(child, hint) if hint else set()))
            self.fields(child, kind, is_file, f"{path}/{here}", seen, fields)

    def listed(self, field, hint):
        condition = (field.get("condition") or "Equals").lower()
        if condition not in ("equals", "equal") or field.get("pattern_type") or field.get("regex_syntax"):
            return set()
        texts = [text.strip() for text in field.text.split(field.get("delimiter") or "##comma##")]
        if hint != "url" or self.commas:
            texts = [part.strip() for text in texts for part in text.split(",")]
        texts = [text for text in texts if text]
        applied = (field.get("apply_condition") or "ANY").upper()
        if applied == "NONE" or applied == "ALL" and len(texts) > 1:
            return set()
        return {(HASHES.get(len(text), "none") if hint == "hash" else hint, text) for text in texts}


def meaning(field, holder, kind, is_file, path):
    """What a field is: its part in an object, and how its text is to be read."""
    here, above = name(field), name(holder)
    category = (holder.get("category") or "").lower()
    if here == "Address_Value":
        mail = category == "e-mail" or not category and above in (
            "From", "Sender", "Reply_To", "To", "CC", "BCC", "Recipient")
        if mail:
            return "value", "email"
        known = category in ("", "ipv4-addr", "ipv6-addr", "ipv4-net", "ipv6-net", "cidr")
        return "address", "ip" if known else None
    if here == "Hostname_Value":
        return "value", "domain"
    if here == "Port_Value":
        return "port", None
    if here == "Simple_Hash_Value" and is_file and path == "/Hashes/Hash":
        types = ["".join(c for c in (t.text or "") if c.isalnum()).lower() for t in children(holder, "Type")]
        if not types or types[0] in ("", "other"):
            return "digest", "hash"
        return "digest", types[0] if types[0] in HASHES.values() else None
    if here == "Value":
        inner = (holder.get(TYPE) or (kind if above in ("Properties", "Defined_Object") else "")).rsplit(":", 1)[-1]
        if inner == "DomainNameObjectType" or not inner and above in ("Domain_Name", "Host"):
            return "value", "domain"
        if inner in ("URIObjectType", "LinkObjectType") or not inner and above in ("QName", "URI", "URL", "Link", "Referer"):
            return "value", "domain" if (holder.get("type") or "").lower() == "domain name" else "url"
    return "other", None


def has_text(element):
    return any((inner.text or "").strip() or inner.get("object_reference") or inner.get("idref") for inner in element.iter())


def join(operator, parts):
    """OR is all of them; AND is nothing, unless all are the same."""
    if (operator or "AND").upper() == "OR":
        return set().union(*(part for part in parts if part and part != "nothing"))
    if parts and all(part == parts[0] for part in parts) and parts[0] and parts[0] != "nothing":
        return parts[0]
    return set()


for path in sys.argv[1:]:
    try:
        values = sorted(Document(path).values())
    except ET.ParseError as error:
        values = str(error)
    print(json.dumps({"file": path, "values": values}))
