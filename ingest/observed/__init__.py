"""What annotation tools say, in one shape: the parts that every reader of observations shares, whatever its format.

`coded` reads code triplets, `quantities` numbers and what they are of, `sites` places in the body, `times` dates and
visits, `lesions` and `regions` which lesion and region is meant, `readers` who observed. See ``docs/annotations.md``.
"""
