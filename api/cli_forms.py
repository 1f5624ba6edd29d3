"""Commands that make forms for new data: REDCap data dictionaries and CDISC ODM of chosen data elements, and templates
for annotations (AIM, TID 1500) of chosen variables and terms."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.console import err
from api.map_library import library_of
from mappings.code_writing import AIM_SCHEMES, DICOM_SCHEMES, CodeWriter
from mappings.form_aim import aim_template_json, aim_template_xml
from mappings.form_odm import odm_document
from mappings.form_questions import questions
from mappings.form_redcap import data_dictionary
from mappings.form_tid1500 import tid1500_profile
from mappings.forms import FormError, FormField, chosen, elements_of_map, form_fields, form_name
from mappings.tables import MappingError, TableMap
from ontology.elements import Element, elements
from ontology.index import TermIndex
from ontology.prefixes import Curie
from store.home import Home

__all__ = ["FORM_REFUSALS", "forms_commands"]

FORM_REFUSALS = (FormError, MappingError)
"""Errors of these commands that a person can mend."""

Elements = Annotated[
    list[str] | None, typer.Argument(help="Data elements: cadsr:2200604, or 2200604v3 for one version.")
]
FromMap = Annotated[str | None, typer.Option("--from-map", help="Also the elements of this table map.")]
Form = Annotated[str, typer.Option("--form", help="The name of the form.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="The file to write; else standard output.")]

Asked = Annotated[
    list[str],
    typer.Argument(
        help="Variables (ncit:C96684), variables with answers (ncit:C94523=ncit:C94520,ncit:C94521), or data elements."
    ),
]
Name = Annotated[str, typer.Option("--name", help="The name of the template.")]


class TemplateForm(StrEnum):
    """How a template is written."""

    XML = "xml"
    JSON = "json"


As = Annotated[TemplateForm, typer.Option("--format", help="XML, or ePAD's JSON.")]


def forms_commands(app: typer.Typer) -> None:
    """Add the commands of this module, as ``qilin forms …``."""
    forms = typer.Typer(name="forms", help="Forms for new data, made of data elements.", no_args_is_help=True)
    forms.command()(redcap)
    forms.command()(odm)
    forms.command()(aim)
    forms.command()(tid1500)
    app.add_typer(forms)


def redcap(
    references: Elements = None, from_map: FromMap = None, form: Form = "data_elements", output: Output = None
) -> None:
    """Write a REDCap data dictionary (CSV): what is entered there comes in mapped, without a table map.

    Example: qilin forms redcap cadsr:2200604 cadsr:2192199 --form baseline -o dictionary.csv
    """
    name = form_name(form)
    fields = _fields(references, from_map, name)
    _write(data_dictionary(fields, name).encode(), output)


def odm(
    references: Elements = None, from_map: FromMap = None, form: Form = "data_elements", output: Output = None
) -> None:
    """Write an eCRF as a CDISC ODM 1.3.2 document (XML).

    Example: qilin forms odm 2200604v3 88v5.1 --form "Baseline visit" -o baseline.xml
    """
    name = form_name(form)
    fields = _fields(references, from_map, name)
    _write(odm_document(fields, name, form, dt.datetime.now(dt.UTC)), output)


def aim(asked: Asked, name: Name = "Annotation", form: As = TemplateForm.XML, output: Output = None) -> None:
    """Write an AIM annotation template: what is annotated with it comes in mapped.

    Example: qilin forms aim ncit:C96684 ncit:C94523=ncit:C94520,ncit:C94521 --format json -o template.json
    """
    home = Home.find()
    writer = CodeWriter(library_of(home).codes, AIM_SCHEMES)
    written = aim_template_xml if form is TemplateForm.XML else aim_template_json
    _write(written(questions(asked, _elements(home), writer), name), output)


def tid1500(asked: Asked, name: Name = "Annotation", output: Output = None) -> None:
    """Write a profile of TID 1500 (JSON): what a measurement group of a structured report has to hold.

    Example: qilin forms tid1500 ncit:C96684 radlex:RID3=ncit:C12392,ncit:C12468 -o profile.json
    """
    home = Home.find()
    writer = CodeWriter(library_of(home).codes, DICOM_SCHEMES)
    _write(tid1500_profile(questions(asked, _elements(home), writer), name), output)


def _elements(home: Home) -> Mapping[tuple[Curie, str], Element]:
    """The data elements that are known."""
    index = home.terms
    return elements(TermIndex(index).elements() if index.exists() else ())


def _fields(references: list[str] | None, from_map: str | None, form: str) -> list[FormField]:
    """The fields, with a word on those that need more than the form."""
    home = Home.find()
    known = _elements(home)
    wanted = [*(references or ()), *(elements_of_map(_map(home, from_map)) if from_map else ())]
    fields = form_fields(chosen(wanted, known), form)
    for field in fields:
        if field.identifies:
            say = "may identify a person: it is marked so, and never read"
        elif not field.alone:
            say = "comes in through a table map only"
        else:
            continue
        err.print(
            f"{field.name} ({field.element.curie} {field.element.long_name}) {say}", highlight=False, markup=False
        )
    return fields


def _map(home: Home, name: str) -> TableMap:
    """A map by its name, the site's own among them, under the decisions of the warehouse, where there is one."""
    return library_of(home).get(name)


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error
    err.print(f"{output}: {len(content):,} bytes", highlight=False, markup=False)
