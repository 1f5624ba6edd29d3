-- The question of measurement-anomalies.rq over the record log: the same rules, and the same answer.
WITH
-- values as numbers to compare; the exact ones are shown
sized AS (
  SELECT *, try_cast(value AS DOUBLE) AS size
  FROM fact
  WHERE value_type IN ('integer', 'decimal', 'double')
),
read AS (
  SELECT *
  FROM sized
  WHERE lesion IS NOT NULL AND visit IS NOT NULL AND reader IS NOT NULL
),
long AS (SELECT * FROM read WHERE variable = 'ncit:C96684'),
short AS (SELECT * FROM read WHERE variable = 'ncit:C96685'),
placed AS (
  SELECT collection, subject, lesion, min(iri(site)) AS lowest, max(iri(site)) AS highest
  FROM identity
  GROUP BY ALL
  HAVING min(iri(site)) <> max(iri(site))
),
broken AS (
  SELECT record, 'longer than expected' AS rule, {'value': $maxLength, 'type': 'decimal'} AS compared
  FROM sized
  WHERE
    variable IN ('ncit:C25285', 'ncit:C25334', 'ncit:C96684', 'ncit:C96685', 'ncit:C120284') AND unit = 'mm'
    AND size > CAST($maxLength AS DOUBLE)
  UNION ALL
  SELECT record, 'below zero', NULL
  FROM sized
  WHERE
    variable IN (
      'ncit:C25285', 'ncit:C25334', 'ncit:C96684', 'ncit:C96685', 'ncit:C120284', 'ncit:C25335', 'ncit:C95012'
    )
    AND size < 0
  UNION ALL
  SELECT record, 'unit is not that of the variable', {'value': canonical.unit, 'type': 'string'}
  FROM fact JOIN canonical USING (variable)
  WHERE fact.unit <> canonical.unit
  UNION ALL
  SELECT long.record, 'long axis shorter than short axis', short.number
  FROM long JOIN short USING (collection, subject, lesion, visit, reader)
  WHERE long.size < short.size
  UNION ALL
  SELECT now.record, 'changed too much since the visit before', earlier.number
  FROM
    long now
    JOIN long earlier ON
      earlier.collection = now.collection AND earlier.subject = now.subject AND earlier.lesion = now.lesion
      AND earlier.reader = now.reader AND earlier.visit + 1 = now.visit
  WHERE
    now.size > 0 AND earlier.size > 0
    AND (
      now.size >= earlier.size * CAST($changeFactor AS DOUBLE) OR earlier.size >= now.size * CAST($changeFactor AS DOUBLE)
    )
  UNION ALL
  SELECT
    record, 'lesion is placed in two sites',
    {'value': CASE WHEN iri(site) = lowest THEN highest ELSE lowest END, 'type': 'string'}
  FROM fact JOIN placed USING (collection, subject, lesion)
  WHERE site IS NOT NULL AND record_type = 'Measurement'
  UNION ALL
  SELECT record, 'code is not that of a variable', NULL
  FROM fact
  WHERE variable = 'q:Unmapped' AND record_type = 'Measurement'
)
SELECT
  collection, subject, rule, iri(variable) AS variable, name AS "variableLabel", number AS value, unit, compared, raw,
  raw_code AS "rawCode", record, source
FROM broken JOIN fact USING (record) LEFT JOIN concept ON curie = variable
WHERE "primary" AND ($collection IS NULL OR collection = $collection)
ORDER BY rule, collection, subject, record, try_cast(compared.value AS DOUBLE), compared.value
