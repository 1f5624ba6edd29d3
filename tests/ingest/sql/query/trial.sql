CREATE TABLE people (id TEXT PRIMARY KEY, sex INTEGER);
CREATE TABLE sexes (code INTEGER PRIMARY KEY, label TEXT);
CREATE TABLE labs (id TEXT, psa REAL, taken TEXT);
INSERT INTO sexes VALUES (1, 'male'), (2, 'female');
INSERT INTO people VALUES ('P01', 1), ('P02', 2), ('P03', NULL);
INSERT INTO labs VALUES ('P01', 4.5, '2014-02-03 08:15:00'), ('P01', 3.0, '2014-03-03');
