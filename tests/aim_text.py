"""Pieces of AIM documents that several tests write."""

from __future__ import annotations

__all__ = ["calculation"]

CALCULATION = """<CalculationEntity><uniqueIdentifier root="0"/>
<typeCode code="{code}" codeSystemName="{scheme}"><iso:displayName value="{name}"/></typeCode>
<description value="none"/>
<calculationResultCollection><CalculationResult type="Scalar" xsi:type="CompactCalculationResult">
<unitOfMeasure value="{unit}"/><dataType code="C48870" codeSystemName="NCI"><iso:displayName value="Double"/></dataType>
<value value="{value}"/></CalculationResult></calculationResultCollection></CalculationEntity>"""


def calculation(code: str, name: str, unit: str, value: str | int, scheme: str = "NCIt") -> str:
    """A calculation of AIM 4 with one value."""
    return CALCULATION.format(code=code, scheme=scheme, name=name, unit=unit, value=value)
