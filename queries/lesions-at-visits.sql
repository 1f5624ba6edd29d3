-- The question of lesions-at-visits.rq over the record log: the same rules, and the same answer.
WITH
seen AS (
  SELECT
    collection, subject, lesion, about, reader, visit, day, clock,
    max(said.name) FILTER (variable = 'ncit:C94523') AS role,
    max(said.name) FILTER (variable = 'ncit:C96643') AS state,
    max(places.name) AS organ,
    max_by(number, try_cast(value AS DOUBLE)) FILTER (variable = 'ncit:C96684' AND try_cast(value AS DOUBLE) >= 0) AS diameter,
    max_by(number, try_cast(value AS DOUBLE)) FILTER (variable = 'ncit:C96685' AND try_cast(value AS DOUBLE) >= 0) AS "shortAxis",
    count(value) FILTER (variable IN ('ncit:C96684', 'ncit:C96685')) AS sizes,
    max('urn:oid:' || series) AS series
  FROM
    fact
    LEFT JOIN concept said ON said.curie = value_concept
    LEFT JOIN concept places ON places.curie = site
  WHERE
    "primary" AND lesion IS NOT NULL AND ($collection IS NULL OR collection = $collection)
    AND ($subject IS NULL OR subject = $subject)
  GROUP BY ALL
),
elsewhere AS (
  SELECT collection, subject, lesion, coalesce(reader, '') AS placer, min(name) AS elsewhere
  FROM place JOIN concept ON curie = site
  GROUP BY ALL
),
identified AS (
  SELECT collection, subject, lesion, min(name) AS rule
  FROM identity JOIN concept ON curie = rule
  GROUP BY ALL
),
least AS (
  SELECT collection, subject, key AS lesion, min(iri) AS least
  FROM same
  GROUP BY ALL
)
SELECT
  s.collection, s.subject, coalesce(l.label, url_encode(s.lesion)) AS lesion, r.key AS reader,
  roles.name AS "readerRole", visit, day, clock, s.role, state, coalesce(organ, elsewhere) AS organ, diameter,
  "shortAxis", sizes, series, rule, coalesce(least(about, least), about) AS one
FROM
  seen s
  LEFT JOIN elsewhere e ON
    e.collection = s.collection AND e.subject = s.subject AND e.lesion = s.lesion AND placer = coalesce(s.reader, '')
  LEFT JOIN identified i ON i.collection = s.collection AND i.subject = s.subject AND i.lesion = s.lesion
  LEFT JOIN least ON least.collection = s.collection AND least.subject = s.subject AND least.lesion = s.lesion
  LEFT JOIN lesion l ON l.collection = s.collection AND l.subject = s.subject AND l.key = s.lesion
  LEFT JOIN reader r ON r.collection = s.collection AND r.key = s.reader
  LEFT JOIN concept roles ON roles.curie = r.role
ORDER BY
  s.collection, s.subject, lesion, r.key NULLS FIRST, clock NULLS FIRST, day NULLS FIRST, visit NULLS FIRST, one, about
