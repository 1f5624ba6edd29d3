-- The question of reader-agreement.rq over the record log: the same rules, and the same answer.
WITH
reading AS (
  -- in whole millionths of a millionth, to compare exactly
  SELECT
    fact.*, CAST(value AS DECIMAL(38, 18)) AS amount,
    CAST(CAST(value AS DECIMAL(38, 12)) * 1000000000000 AS HUGEINT) AS small
  FROM fact
  WHERE
    variable = $variable AND "primary" AND lesion IS NOT NULL AND reader IS NOT NULL AND day IS NOT NULL
    AND value IS NOT NULL AND unit IS NOT NULL AND ($collection IS NULL OR collection = $collection)
),
one AS (
  SELECT collection, subject, key, key AS other
  FROM lesion
  UNION ALL
  SELECT collection, subject, key, other
  FROM same
),
pair AS (
  SELECT
    a.collection, a.subject, a.lesion, one.other, a.site, a.day, a.clock, a.reader AS "readerA", b.reader AS "readerB",
    a.accepted_reading AS "acceptedA", b.accepted_reading AS "acceptedB", a.number AS a, b.number AS b,
    a.amount - b.amount AS difference, (a.amount + b.amount) * 0.5 AS mean, a.amount AS "amount a",
    b.amount AS "amount b", abs(a.small - b.small) AS apart, abs(a.small + b.small) AS whole, a.unit
  FROM
    reading a
    JOIN one ON one.collection = a.collection AND one.subject = a.subject AND one.key = a.lesion
    JOIN reading b ON
      b.collection = a.collection AND b.subject = a.subject AND b.lesion = one.other AND b.clock = a.clock
      AND b.day = a.day AND b.unit = a.unit AND a.reader < b.reader
),
judged AS (
  SELECT
    *, CASE WHEN apart = 0 THEN 0 WHEN whole <> 0 THEN CAST((4000 * apart + whole) // (2 * whole) AS DECIMAL(30, 0)) * 0.1 END
      AS percent
  FROM pair
)
SELECT
  p.collection, p.subject, coalesce(l.label, url_encode(p.lesion)) AS lesion, places.name AS "siteLabel", day, clock,
  "readerA", "readerB", roles_a.name AS "roleA", roles_b.name AS "roleB", "acceptedA", "acceptedB", a, b,
  CAST(difference AS VARCHAR) AS difference, CAST(mean AS VARCHAR) AS mean, CAST(percent AS VARCHAR) AS percent, unit,
  p.lesion <> other AS decided
FROM
  judged p
  JOIN lesion l ON l.collection = p.collection AND l.subject = p.subject AND l.key = p.lesion
  JOIN reader r_a ON r_a.collection = p.collection AND r_a.key = "readerA"
  JOIN reader r_b ON r_b.collection = p.collection AND r_b.key = "readerB"
  LEFT JOIN concept places ON places.curie = p.site
  LEFT JOIN concept roles_a ON roles_a.curie = r_a.role
  LEFT JOIN concept roles_b ON roles_b.curie = r_b.role
WHERE coalesce(percent >= CAST($apart AS DECIMAL(38, 12)), true)
ORDER BY
  p.collection, p.subject, lesion, clock, day, "readerA", "readerB", "amount a", "amount b"
