-- The question of sum-of-diameters.rq over the record log: the same rules, and the same answer.
WITH
target AS (
  -- what each reader calls target at each visit
  SELECT
    collection, subject, lesion, reader, visit, bool_or(accepted_reading) AS accepted,
    min(CASE WHEN day IS NOT NULL THEN {'clock': clock, 'day': day} END) AS time
  FROM fact
  WHERE
    variable = 'ncit:C94523' AND value_concept = 'ncit:C94520' AND "primary" AND lesion IS NOT NULL
    AND reader IS NOT NULL AND visit IS NOT NULL AND ($collection IS NULL OR collection = $collection)
    AND ($subject IS NULL OR subject = $subject)
  GROUP BY ALL
),
node AS (
  SELECT DISTINCT collection, subject, lesion, reader
  FROM place JOIN concept ON curie = site
  WHERE contains(lower(name), 'lymph node')
),
sized AS (
  -- the longest diameter, or the short axis of a node
  SELECT
    fact.collection, fact.subject, fact.lesion, fact.reader, visit, max(CAST(value AS DECIMAL(38, 18))) AS size
  FROM fact LEFT JOIN node USING (collection, subject, lesion, reader)
  WHERE
    variable = CASE WHEN node.lesion IS NULL THEN 'ncit:C96684' ELSE 'ncit:C96685' END AND "primary"
    AND try_cast(value AS DOUBLE) >= 0
  GROUP BY ALL
),
seen AS (
  SELECT
    collection, subject, reader, visit, min(time) AS time, bool_or(accepted) AS accepted, count(*) AS targets,
    count(size) AS measured, coalesce(sum(size), 0) AS total
  FROM target LEFT JOIN sized USING (collection, subject, lesion, reader, visit)
  GROUP BY ALL
),
compared AS (
  -- with the sum at the first visit at which any reader calls a lesion target; in whole nanometres, to round exactly
  SELECT
    seen.*, CAST(seen.total * 1000000 AS HUGEINT) AS nm, CAST(first.total * 1000000 AS HUGEINT) AS "first nm"
  FROM
    seen
    JOIN (SELECT collection, subject, min(visit) AS baseline FROM seen GROUP BY ALL) USING (collection, subject)
    LEFT JOIN seen first ON
      first.collection = seen.collection AND first.subject = seen.subject AND first.reader = seen.reader
      AND first.visit = baseline AND first.measured > 0
)
SELECT
  c.collection, c.subject, c.reader, accepted, visit, time.day AS day, time.clock AS clock, targets,
  targets - measured AS missing, CAST(total AS VARCHAR) AS total,
  CASE
    WHEN nm = 0 THEN '-100'
    WHEN "first nm" <> 0 THEN CAST(CAST((2000 * nm + "first nm") // (2 * "first nm") - 1000 AS DECIMAL(30, 0)) * 0.1 AS VARCHAR)
  END AS "percentChange"
FROM compared c JOIN reader ON reader.collection = c.collection AND reader.key = c.reader
ORDER BY c.collection, c.subject, c.reader, visit
