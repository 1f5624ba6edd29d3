-- The question of lesion-diameters.rq over the record log: the same rules, and the same answer.
WITH
given AS (
  -- the role of a lesion by reader and visit
  SELECT collection, subject, lesion, coalesce(reader, '') AS giver, occasion, min(iri(value_concept)) AS role
  FROM fact
  WHERE variable = 'ncit:C94523' AND value_concept IS NOT NULL
  GROUP BY ALL
),
placed AS (
  SELECT
    collection, subject, lesion, coalesce(reader, '') AS placer,
    min_by({'site': site, 'part': site_modifier, 'side': laterality}, record) AS place
  FROM place
  GROUP BY ALL
),
least AS (
  SELECT collection, subject, key AS lesion, min(iri) AS least
  FROM same
  GROUP BY ALL
),
measured AS (
  SELECT
    fact.*, role, coalesce(least(about, least), about) AS one,
    CASE
      WHEN site IS NOT NULL OR place IS NULL THEN {'site': site, 'part': site_modifier, 'side': laterality}
      ELSE place
    END AS at
  FROM
    fact
    LEFT JOIN given ON
      given.collection = fact.collection AND given.subject = fact.subject AND given.lesion = fact.lesion
      AND giver = coalesce(fact.reader, '') AND given.occasion = fact.occasion
    LEFT JOIN placed ON
      placed.collection = fact.collection AND placed.subject = fact.subject AND placed.lesion = fact.lesion
      AND placer = coalesce(fact.reader, '')
    LEFT JOIN least ON
      least.collection = fact.collection AND least.subject = fact.subject AND least.lesion = fact.lesion
  WHERE
    record_type = 'Measurement' AND "primary" AND fact.lesion IS NOT NULL AND variable = $variable
    AND ($collection IS NULL OR fact.collection = $collection) AND ($subject IS NULL OR fact.subject = $subject)
    AND ($accepted IS NULL OR coalesce(accepted_reading, true) = CAST($accepted AS BOOLEAN))
)
SELECT
  m.collection, m.subject, coalesce(l.label, url_encode(m.lesion)) AS lesion, iri(m.at.site) AS site,
  places.name AS "siteLabel", parts.name AS "modifierLabel", sides.name AS "sideLabel", m.role,
  roles.name AS "roleLabel", r.key AS reader, iri(r.role) AS "readerRole", readers.name AS "readerRoleLabel",
  read_session AS session, accepted_reading AS "acceptedReading",
  CASE WHEN version IS NULL THEN software ELSE software || ' ' || version END AS tool, visit, day, clock,
  variables.name AS "variableLabel", number AS value, unit, reasons.name AS "absentLabel", 'urn:oid:' || study AS study,
  'urn:oid:' || series AS series, about AS "lesionIri", one, source_kind AS kind, record
FROM
  measured m
  LEFT JOIN lesion l ON l.collection = m.collection AND l.subject = m.subject AND l.key = m.lesion
  LEFT JOIN reader r ON r.collection = m.collection AND r.key = m.reader
  LEFT JOIN procedure p ON p.collection = m.collection AND p.key = m.procedure
  LEFT JOIN concept places ON places.curie = m.at.site
  LEFT JOIN concept parts ON parts.curie = m.at.part
  LEFT JOIN concept sides ON sides.curie = m.at.side
  LEFT JOIN concept roles ON roles.iri = m.role
  LEFT JOIN concept readers ON readers.curie = r.role
  LEFT JOIN concept variables ON variables.curie = m.variable
  LEFT JOIN concept reasons ON reasons.curie = m.absent_reason
WHERE $readAs IS NULL OR r.role = $readAs
ORDER BY
  m.collection, m.subject, lesion, r.key NULLS FIRST, clock NULLS FIRST, day NULLS FIRST, visit NULLS FIRST, record
