CREATE TABLE lesions (id INTEGER PRIMARY KEY, patient TEXT, lesion TEXT, ld NUMERIC(6, 1), scan DATE, visit INTEGER, accepted TEXT, note TEXT);
INSERT INTO lesions VALUES
    (1, 'P01', 'T01', 42.5, '2014-02-03', 0, 'Y', 'left, upper lobe'),
    (2, 'P01', 'T02', 11, '2014-02-03', 0, NULL, NULL),
    (4, 'P02', 'T01', NULL, '2014-03-01', 0, 'N', ''),
    (3, 'P01', 'T01', 30.2, '2014-04', 1, 'Y', 'says "smaller"'),
    (5, 'P02', 'T01', 17.5, NULL, 1, 'maybe', NULL),
    (6, NULL, 'T01', 9.5, '2014-03-09', 1, 'Y', NULL);
