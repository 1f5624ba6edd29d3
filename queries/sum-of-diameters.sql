-- The question of sum-of-diameters.rq over the record log: the same rules, and the same answer.
WITH
seen_by AS (
  SELECT
    *, coalesce(reader, '') AS who,
    coalesce(
      '1' || (5000000000 + visit), '2' || clock || (5000000000 + day), '~' || visit_label, '~'
    ) AS "when"
  FROM fact
  WHERE
    "primary" AND lesion IS NOT NULL AND ($collection IS NULL OR collection = $collection)
    AND ($subject IS NULL OR subject = $subject)
),
target AS (
  -- what each reader calls target at each visit
  SELECT
    collection, subject, lesion, who, "when", min(visit) AS visit, min(visit_label) AS name,
    bool_or(accepted_reading) AS accepted,
    min(CASE WHEN day IS NOT NULL THEN {'clock': clock, 'day': day} END) AS time
  FROM seen_by
  WHERE variable = 'ncit:C94523' AND value_concept = 'ncit:C94520'
  GROUP BY ALL
),
node AS (
  SELECT DISTINCT collection, subject, lesion, coalesce(reader, '') AS who
  FROM place JOIN concept ON curie = site
  WHERE contains(lower(name), 'lymph node')
),
sized AS (
  -- the longest diameter, or the short axis of a node
  SELECT seen_by.collection, seen_by.subject, seen_by.lesion, seen_by.who, "when", max(CAST(value AS DECIMAL(38, 18))) AS size
  FROM seen_by LEFT JOIN node USING (collection, subject, lesion, who)
  WHERE
    variable = CASE WHEN node.lesion IS NULL THEN 'ncit:C96684' ELSE 'ncit:C96685' END AND try_cast(value AS DOUBLE) >= 0
  GROUP BY ALL
),
seen AS (
  SELECT
    collection, subject, who, "when", min(visit) AS visit, min(name) AS name, min(time) AS time,
    bool_or(accepted) AS accepted, count(*) AS targets, count(size) AS measured, coalesce(sum(size), 0) AS total
  FROM target LEFT JOIN sized USING (collection, subject, lesion, who, "when")
  GROUP BY ALL
),
compared AS (
  -- with the sum at the first visit at which any reader calls a lesion target; in whole nanometres, to round exactly
  SELECT
    seen.*, CAST(seen.total * 1000000 AS HUGEINT) AS nm, CAST(first.total * 1000000 AS HUGEINT) AS "first nm"
  FROM
    seen
    JOIN (SELECT collection, subject, min("when") AS baseline FROM seen GROUP BY ALL) USING (collection, subject)
    LEFT JOIN seen first ON
      first.collection = seen.collection AND first.subject = seen.subject AND first.who = seen.who
      AND first."when" = baseline AND first.measured = first.targets AND NOT starts_with(baseline, '~')
)
SELECT
  c.collection, c.subject, r.key AS reader, accepted, visit, CASE WHEN visit IS NULL THEN name END AS "visitLabel",
  time.day AS day, time.clock AS clock, targets, targets - measured AS missing,
  CASE WHEN measured > 0 THEN CAST(total AS VARCHAR) END AS total,
  CASE
    WHEN measured < targets THEN NULL
    WHEN "first nm" > 0 AND nm = 0 THEN '-100'
    WHEN "first nm" > 0 THEN CAST(CAST((2000 * nm + "first nm") // (2 * "first nm") - 1000 AS DECIMAL(30, 0)) * 0.1 AS VARCHAR)
  END AS "percentChange"
FROM compared c LEFT JOIN reader r ON r.collection = c.collection AND r.key = c.who
ORDER BY c.collection, c.subject, r.key NULLS FIRST, "when"
