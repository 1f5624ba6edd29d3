-- The question of investigator-and-independent.rq over the record log: the same rules, and the same answer.
WITH
said AS (
  SELECT fact.*, role
  FROM fact JOIN reader ON reader.collection = fact.collection AND reader.key = fact.reader
  WHERE
    variable = $response AND record_type = 'Response' AND value_concept <> 'q:Unmapped' AND "primary"
    AND occasion IS NOT NULL AND ($collection IS NULL OR fact.collection = $collection)
)
SELECT
  a.collection, a.subject, a.visit, CASE WHEN a.visit IS NULL THEN a.visit_label END AS "visitLabel",
  variables.name AS "responseLabel", criterion.name AS "criteriaLabel", a.reader AS investigator,
  iri(a.value_concept) AS theirs, said_a.name AS "theirsLabel", b.reader AS independent,
  iri(b.value_concept) AS independents, said_b.name AS "independentsLabel", a.value_concept = b.value_concept AS agree,
  a.record AS "theirRecord", b.record
FROM
  said a
  JOIN said b ON b.collection = a.collection AND b.subject = a.subject AND b.occasion = a.occasion
  LEFT JOIN concept variables ON variables.curie = a.variable
  LEFT JOIN concept criterion ON criterion.curie = coalesce(a.criteria, b.criteria)
  LEFT JOIN concept said_a ON said_a.curie = a.value_concept
  LEFT JOIN concept said_b ON said_b.curie = b.value_concept
WHERE
  a.role = 'q:Investigator' AND b.role = 'q:CentralReader' AND coalesce(b.accepted_reading, true)
  AND coalesce(a.criteria = b.criteria, true)
  AND (NOT CAST($onlyDifferent AS BOOLEAN) OR a.value_concept <> b.value_concept)
ORDER BY
  a.collection, a.subject, a.visit NULLS FIRST, "visitLabel" NULLS FIRST, a.reader, b.reader, a.record, b.record
