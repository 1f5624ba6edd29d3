-- The question of harmonised-subjects.rq over the record log: the same rules, and the same answer.
WITH
statement AS (
  SELECT collection, subject, variable, value_concept AS concept, raw
  FROM observation
  WHERE value_concept IS NOT NULL AND ($collection IS NULL OR collection = $collection)
),
kind AS (
  -- malignant neoplasms (9) before other diseases (8); the more broader concepts, the more specific
  SELECT
    curie AS concept,
    CASE
      WHEN bool_or(broader = 'ncit:C9305') THEN '9'
      ELSE CASE curie
        WHEN 'ncit:C14143' THEN '7' WHEN 'ncit:C14172' THEN '6' WHEN 'ncit:C14165' THEN '5' WHEN 'q:Unmapped' THEN '0'
        ELSE '8'
      END
    END || substr(CAST(1000 + count(DISTINCT broader) AS VARCHAR), 2) AS rank
  FROM broader
  GROUP BY curie
  HAVING $diagnosis IS NULL OR bool_or(broader = $diagnosis)
),
notion (variable, notion, part) AS (
  VALUES
    ('ncit:C28108', 'stage', '3'), ('q:PathologicStage', 'stage', '2'), ('q:ClinicalStage', 'stage', '1'),
    ('ncit:C28421', 'sex', '1'), ('ncit:C25717', 'vital', '1'), ('ncit:C94536', 'response', '3'),
    ('ncit:C123626', 'response', '2'), ('ncit:C50995', 'response', '1')
),
known (concept, level) AS (
  -- dead before alive before lost; complete before partial before stable before progressive
  VALUES
    ('ncit:C28554', '4'), ('ncit:C37987', '3'), ('ncit:C48227', '2'), ('ncit:C4870', '5'), ('ncit:C123603', '5'),
    ('ncit:C18058', '4'), ('ncit:C18213', '3'), ('ncit:C35571', '2'), ('ncit:C17998', '0'), ('q:Unmapped', '0')
),
ranked AS (
  SELECT collection, subject, 'diagnosis' AS notion, concept, rank, raw
  FROM statement JOIN kind USING (concept)
  WHERE variable IN ('ncit:C15220', 'ncit:C35867')
  UNION ALL
  SELECT collection, subject, notion, concept, part || coalesce(level, '1'), raw
  FROM statement JOIN notion USING (variable) LEFT JOIN known USING (concept)
  UNION ALL
  -- what an overall survival that ended in death, or did not, says of the vital status
  SELECT
    collection, subject, 'vital', CASE WHEN event THEN 'ncit:C28554' ELSE 'ncit:C37987' END,
    CASE WHEN event THEN '14' ELSE '13' END, NULL
  FROM observation
  WHERE variable = 'ncit:C125201' AND event IS NOT NULL AND ($collection IS NULL OR collection = $collection)
),
keyed AS (
  SELECT
    collection, subject, notion, concept, rank,
    {
      'rank': rank, 'iri': iri,
      'words': CASE WHEN concept = 'q:Unmapped' THEN 'unmapped: ' || coalesce(raw, '') ELSE name END
    } AS key
  FROM ranked JOIN concept ON concept = curie
),
numbered AS (
  SELECT
    collection, subject, CAST(value AS DOUBLE) AS number, {'value': value, 'type': value_type} AS value,
    CASE
      WHEN variable = 'ncit:C156420' THEN 'diagnosis age'
      WHEN variable = 'ncit:C125201' THEN 'survival'
      WHEN study IS NOT NULL THEN 'scan age'
      ELSE 'age'
    END AS notion,
    CASE WHEN event THEN 2 WHEN NOT event THEN 1 ELSE 0 END AS ended, coalesce(name, '') AS start
  FROM observation LEFT JOIN concept ON start_event = curie
  WHERE
    variable IN ('ncit:C156420', 'ncit:C25150', 'ncit:C125201')
    AND value_type IN ('integer', 'decimal', 'double')
    AND ($collection IS NULL OR collection = $collection)
),
stated AS (
  SELECT
    collection, subject,
    max(key) FILTER (notion = 'diagnosis') AS diagnosis,
    count(DISTINCT concept) FILTER (notion = 'diagnosis') AS diagnoses,
    max(key) FILTER (notion = 'stage') AS stage,
    max(key) FILTER (notion = 'sex') AS sex,
    min(key) FILTER (notion = 'sex' AND rank = '11') AS other_sex,
    max(key) FILTER (notion = 'vital') AS vital,
    max(key) FILTER (notion = 'response') AS response
  FROM keyed
  GROUP BY ALL
),
counted AS (
  SELECT
    collection, subject,
    min_by(value, number) FILTER (notion = 'diagnosis age') AS at_diagnosis,
    min_by(value, number) FILTER (notion = 'age') AS youngest,
    min_by(value, number) FILTER (notion = 'scan age') AS at_scan,
    max({'ended': ended, 'number': number, 'start': start}) FILTER (notion = 'survival') AS survival,
    max_by(CASE value.type WHEN 'double' THEN CAST(number AS VARCHAR) ELSE value.value END, {'ended': ended, 'number': number, 'start': start}) FILTER (notion = 'survival') AS days
  FROM numbered
  GROUP BY ALL
)
SELECT
  collection, subject, diagnosis.iri AS diagnosed, diagnosis.words AS "diagnosedLabel",
  coalesce(diagnoses, 0) AS diagnoses, stage.iri AS staged, stage.words AS "stagedLabel",
  CASE stage.rank[1] WHEN '3' THEN 'overall' WHEN '2' THEN 'pathologic' WHEN '1' THEN 'clinical' END AS "whichStage",
  CASE WHEN agreed THEN sex.iri END AS sexed, CASE WHEN agreed THEN sex.words END AS "sexedLabel",
  at_diagnosis AS "ageAtDiagnosis", coalesce(youngest, at_scan) AS age, vital.iri AS status,
  vital.words AS "statusLabel", days, CASE survival.ended WHEN 2 THEN true WHEN 1 THEN false END AS died,
  nullif(survival.start, '') AS "startEventLabel", response.iri AS responded, response.words AS "respondedLabel",
  CASE response.rank[1] WHEN '3' THEN 'best overall' WHEN '2' THEN 'pathologic' WHEN '1' THEN 'not said' END
    AS "whichResponse"
FROM (
  SELECT *, coalesce(other_sex = sex, true) AS agreed
  FROM stated FULL JOIN counted USING (collection, subject)
)
WHERE
  ($diagnosis IS NULL OR diagnosis IS NOT NULL)
  AND ($stage IS NULL OR stage.iri IN (SELECT iri FROM concept JOIN broader USING (curie) WHERE broader = $stage))
  AND ($sex IS NULL OR (agreed AND sex.iri = (SELECT any_value(iri) FROM concept WHERE curie = $sex)))
  AND ($vital IS NULL OR vital.iri = (SELECT any_value(iri) FROM concept WHERE curie = $vital))
ORDER BY collection, subject
