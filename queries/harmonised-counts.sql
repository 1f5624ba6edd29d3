-- The question of harmonised-counts.rq over the record log.
SELECT
  collection, diagnosed, "diagnosedLabel", staged, "stagedLabel", sexed, "sexedLabel", status, "statusLabel", responded,
  "respondedLabel", count(*) AS subjects, count(coalesce("ageAtDiagnosis", age)) AS aged, count(days) AS followed,
  count(*) FILTER (days IS NOT NULL AND died) AS deaths
FROM (
  #< harmonised-subjects
)
GROUP BY ALL
ORDER BY
  collection, "diagnosedLabel" NULLS FIRST, "stagedLabel" NULLS FIRST, "sexedLabel" NULLS FIRST,
  "statusLabel" NULLS FIRST, "respondedLabel" NULLS FIRST
