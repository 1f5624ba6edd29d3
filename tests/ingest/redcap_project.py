"""One made-up project, written as REDCap would write it: dictionary, events, raw and label CSV, project XML, API."""

from __future__ import annotations

import csv
import io
import json
from xml.sax.saxutils import quoteattr

HEAD = (
    "Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Field Note,Text Validation Type OR Show Slider Number,'
    "Text Validation Min,Text Validation Max,Identifier?,Branching Logic (Show field only if...),Required Field?,"
    "Custom Alignment,Question Number (surveys only),Matrix Group Name,Matrix Ranking?,Field Annotation"
)
API_NAMES = [
    "field_name",
    "form_name",
    "section_header",
    "field_type",
    "field_label",
    "select_choices_or_calculations",
    "field_note",
    "text_validation_type_or_show_slider_number",
    "text_validation_min",
    "text_validation_max",
    "identifier",
    "branching_logic",
    "required_field",
    "custom_alignment",
    "question_number",
    "matrix_group_name",
    "matrix_ranking",
    "field_annotation",
]

FIELDS = [
    # name, form, type, label, choices, note, validation, identifier, annotation
    ("record_id", "base", "text", "Record ID", "", "", "", "", ""),
    ("initials", "base", "text", "Initials", "", "", "", "y", ""),
    ("sex", "base", "radio", "<b>Sex</b>", "1, Male | 2, Female | -9, unknown", "", "", "", "CDE:2200604v3"),
    ("sym", "base", "checkbox", "Symptoms", "a, Cough | b, Weight loss, severe", "", "", "", ""),
    ("smoker", "base", "yesno", "Ever smoked?", "", "", "", "", ""),
    ("visit_date", "base", "text", "Date", "", "", "date_dmy", "", ""),
    ("weight", "base", "text", "Weight (kg)", "", "", "number_comma_decimal", "", ""),
    ("psa", "labs", "text", "PSA", "", "Unit: ng/ml", "number", "", "@NCIT:C17634"),
    ("psa_date", "labs", "text", "Date", "", "", "date_ymd", "", ""),
]
FORMS = ["base", "labs"]
EVENTS = [("Baseline", 1, "baseline_arm_1"), ("Week 6", 1, "week_6_arm_1"), ("Baseline", 2, "baseline_arm_2")]
CHOICES = {
    "sex": {"1": "Male", "2": "Female", "-9": "unknown"},
    "smoker": {"1": "Yes", "0": "No"},
}
BOXES = {"a": "Cough", "b": "Weight loss, severe"}
STATUS = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
COLUMNS = [
    "record_id",
    "redcap_event_name",
    "redcap_repeat_instrument",
    "redcap_repeat_instance",
    "initials",
    "sex",
    "sym___a",
    "sym___b",
    "smoker",
    "visit_date",
    "weight",
    "base_complete",
    "psa",
    "psa_date",
    "labs_complete",
]
SHOWN = [
    "Record ID",
    "Event Name",
    "Repeat Instrument",
    "Repeat Instance",
    "Initials",
    "Sex",
    "Symptoms (choice=Cough)",
    "Symptoms (choice=Weight loss, severe)",
    "Ever smoked?",
    "Date",
    "Weight (kg)",
    "Complete?",
    "PSA",
    "Date",
    "Complete?",
]
MISSING = {"UNK": "Not known", "NASK": "Not asked"}
XML_TYPES = {"dropdown": "select", "notes": "textarea"}
XML_VALIDATIONS = {"number": "float", "integer": "int"}


def cells(field):
    """The 18 cells of a field in the dictionary."""
    name, form, kind, label, choices, note, validation, identifier, annotation = field
    return [name, form, "", kind, label, choices, note, validation, "", "", identifier, *[""] * 6, annotation]


def written(rows) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def dictionary() -> str:
    return HEAD + "\n" + written(cells(field) for field in FIELDS)


def event_list() -> str:
    rows = [(name, arm, unique, "", 100 + number) for number, (name, arm, unique) in enumerate(EVENTS)]
    return written([("event_name", "arm_num", "unique_event_name", "custom_event_label", "event_id"), *rows])


def raw_csv(rows) -> str:
    """Rows are dicts by column; what a row leaves out is empty."""
    return written([COLUMNS, *([row.get(name, "") for name in COLUMNS] for row in rows)])


def label_csv(rows) -> str:
    return written([SHOWN, *([shown(name, row.get(name, "")) for name in COLUMNS] for row in rows)])


def shown(name, cell):
    """A cell as a label export has it."""
    if not cell or cell in MISSING:
        return MISSING.get(cell, "")
    if name == "redcap_event_name":
        label, arm = next((label, arm) for label, arm, unique in EVENTS if unique == cell)
        return f"{label} (Arm {arm}: Arm {arm})"
    if name == "redcap_repeat_instrument":
        return cell.title()
    if name.startswith("sym___"):
        return {"1": "Checked", "0": "Unchecked"}[cell]
    if name.endswith("_complete"):
        return STATUS[cell]
    return CHOICES.get(name, {}).get(cell, cell)


def project_xml(rows) -> str:
    events = "".join(
        f'<StudyEventDef OID="Event.{unique}" Name="{label}" Type="Common" Repeating="No" redcap:EventName="{label}"'
        f' redcap:UniqueEventName="{unique}" redcap:ArmNum="{arm}" redcap:ArmName="Arm {arm}" redcap:DayOffset="1"/>\n'
        for label, arm, unique in EVENTS
    )
    refs = "".join(f'<StudyEventRef StudyEventOID="Event.{unique}"/>' for _, _, unique in EVENTS)
    repeating = "".join(
        f'<redcap:RepeatingInstrument redcap:UniqueEventName="{unique}" redcap:RepeatInstrument="labs"/>'
        for _, _, unique in EVENTS
    )
    codes = " | ".join(f"{code}, {label}" for code, label in MISSING.items())
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3"'
        ' xmlns:redcap="https://projectredcap.org" ODMVersion="1.3.1" FileOID="000-00-0000" FileType="Snapshot">\n'
        f'<Study OID="P"><GlobalVariables><redcap:SchedulingEnabled>0</redcap:SchedulingEnabled>'
        f"<redcap:MissingDataCodes>{codes}</redcap:MissingDataCodes><redcap:RepeatingInstrumentsAndEvents>"
        f"<redcap:RepeatingInstruments>{repeating}</redcap:RepeatingInstruments>"
        "</redcap:RepeatingInstrumentsAndEvents></GlobalVariables>\n"
        f'<MetaDataVersion OID="M" Name="P" redcap:RecordIdField="record_id"><Protocol>{refs}</Protocol>{events}'
        f"{''.join(map(form_xml, FORMS))}{''.join(map(item_xml, FIELDS))}</MetaDataVersion></Study>\n"
        f"<ClinicalData>{''.join(subjects_xml(rows))}</ClinicalData></ODM>"
    )


def items(field):
    name, _, kind, *_ = field
    return [f"{name}___{code}" for code in BOXES] if kind == "checkbox" else [name]


def form_xml(form):
    refs = "".join(
        f'<ItemRef ItemOID="{item}" redcap:Variable="{field[0]}"/>'
        for field in FIELDS
        if field[1] == form
        for item in items(field)
    )
    status = f'<ItemRef ItemOID="{form}_complete" redcap:Variable="{form}_complete"/>'
    return (
        f'<FormDef OID="Form.{form}" Name="{form.title()}" Repeating="No" redcap:FormName="{form}">'
        f'<ItemGroupRef ItemGroupOID="{form}.a"/><ItemGroupRef ItemGroupOID="{form}.b"/></FormDef>'
        f'<ItemGroupDef OID="{form}.a" Name="{form}" Repeating="No">{refs}</ItemGroupDef>'
        f'<ItemGroupDef OID="{form}.b" Name="Form Status" Repeating="No">{status}</ItemGroupDef>'
        f'<ItemDef OID="{form}_complete" Name="{form}_complete" DataType="text" redcap:Variable="{form}_complete"'
        f' redcap:FieldType="select"><CodeListRef CodeListOID="{form}_complete.choices"/></ItemDef>'
        + code_list(f"{form}_complete", STATUS)
    )


def code_list(item, choices, extra=""):
    listed = "".join(
        f"<CodeListItem CodedValue={quoteattr(code)}><Decode><TranslatedText>{label}</TranslatedText></Decode>"
        "</CodeListItem>"
        for code, label in choices.items()
    )
    return f'<CodeList OID="{item}.choices" Name="{item}" DataType="text"{extra}>{listed}</CodeList>'


def item_xml(field):
    name, _, kind, label, choices, note, validation, identifier, annotation = field
    said = [f'redcap:Variable="{name}" redcap:FieldType="{XML_TYPES.get(kind, kind)}"']
    for attribute, value in [
        ("TextValidationType", XML_VALIDATIONS.get(validation, validation)),
        ("FieldNote", note),
        ("Identifier", identifier),
        ("FieldAnnotation", annotation),
    ]:
        said += [f"redcap:{attribute}={quoteattr(value)}"] if value else []
    question = f"<Question><TranslatedText>{label.replace('<', '&lt;')}</TranslatedText></Question>"
    made = ""
    for item in items(field):
        coded = CHOICES.get(name) or ({"1": "Checked", "0": "Unchecked"} if kind == "checkbox" else {})
        extra = f" redcap:CheckboxChoices={quoteattr(choices)}" if kind == "checkbox" else ""
        ref = f'<CodeListRef CodeListOID="{item}.choices"/>' if coded else ""
        made += f'<ItemDef OID="{item}" Name="{item}" DataType="text" {" ".join(said)}>{question}{ref}</ItemDef>'
        made += code_list(item, coded, extra) if coded else ""
    return made


def subjects_xml(rows):
    for subject in dict.fromkeys(row["record_id"] for row in rows):
        own = [row for row in rows if row["record_id"] == subject]
        yield f'<SubjectData SubjectKey={quoteattr(subject)} redcap:RecordIdField="record_id">'
        for event in dict.fromkeys(row["redcap_event_name"] for row in own):
            yield f'<StudyEventData StudyEventOID="Event.{event}" StudyEventRepeatKey="1">'
            for row in own:
                if row["redcap_event_name"] == event:
                    yield from forms_xml(row)
            yield "</StudyEventData>"
        yield "</SubjectData>"


def forms_xml(row):
    repeated = row.get("redcap_repeat_instrument", "")
    for form in [repeated] if repeated else FORMS:
        columns = [item for field in FIELDS if field[1] == form for item in items(field)] + [f"{form}_complete"]
        data = "".join(
            f'<ItemData ItemOID="{name}" Value={quoteattr(row[name])}/>' for name in columns if row.get(name)
        )
        if data:
            key = row.get("redcap_repeat_instance") or "1"
            yield f'<FormData FormOID="Form.{form}" FormRepeatKey="{key}"><ItemGroupData ItemGroupOID="{form}.a">'
            yield f"{data}</ItemGroupData></FormData>"


def api_answer(rows, asked):
    """What the server answers to the parameters of a request, by its content."""
    content = asked["content"]
    if content == "project":
        return {
            "project_id": 7,
            "is_longitudinal": 1,
            "scheduling_enabled": 0,
            "missing_data_codes": "\n".join(", ".join(pair) for pair in MISSING.items()),
        }
    if content == "metadata":
        return [dict(zip(API_NAMES, cells(field), strict=True)) for field in FIELDS]
    if content == "event":
        return [
            {"event_name": a, "arm_num": b, "unique_event_name": c, "custom_event_label": "", "event_id": 1}
            for a, b, c in EVENTS
        ]
    assert content == "record"
    assert asked["format"] == "json"
    assert asked["rawOrLabel"] == "raw"
    fields = {value for name, value in asked.items() if name.startswith("fields")}
    records = {value for name, value in asked.items() if name.startswith("records")}
    lead = COLUMNS[:4]
    columns = [name for name in COLUMNS if name in lead or name in fields or name.split("___")[0] in fields]
    found = [row for row in rows if not records or row["record_id"] in records]
    return [
        {name: number(row.get(name, "")) if name == lead[3] else row.get(name, "") for name in columns} for row in found
    ]


def number(text):
    return int(text) if text else ""


def answered(rows, asked) -> bytes:
    return json.dumps(api_answer(rows, asked)).encode()
