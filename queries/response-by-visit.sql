-- The question of response-by-visit.rq over the record log: the same rules, and the same answer.
SELECT
  f.collection, subject, visit, visit_label AS "visitName", day, clock, iri(value_concept) AS category,
  said.name AS "categoryLabel", criterion.name AS "criteriaLabel", r.key AS reader, roles.name AS "readerRole",
  origins.name AS "originLabel", record
FROM
  fact f
  LEFT JOIN reader r ON r.collection = f.collection AND r.key = f.reader
  LEFT JOIN concept said ON said.curie = value_concept
  LEFT JOIN concept criterion ON criterion.curie = criteria
  LEFT JOIN concept origins ON origins.curie = CASE WHEN derived THEN 'q:Derived' ELSE 'q:Asserted' END
  LEFT JOIN concept roles ON roles.curie = r.role
WHERE
  variable = $response AND value_concept IS NOT NULL AND "primary" AND ($collection IS NULL OR f.collection = $collection)
  AND ($subject IS NULL OR subject = $subject) AND ($criteria IS NULL OR criteria = $criteria)
ORDER BY
  f.collection, subject, clock NULLS FIRST, day NULLS FIRST, visit NULLS FIRST, r.key NULLS FIRST, record
