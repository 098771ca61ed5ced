-- What the overview counts, from indexes alone: with a hundred thousand alerts the decisions of a
-- month took a walk over all of them, and the typologies a look at each.
CREATE INDEX alerts_by_decision ON alerts (decided_at);
CREATE INDEX alerts_by_typology_time ON alerts (typology, raised_at, outcome);
-- The same columns in another order, which SQLite passed over.
DROP INDEX alerts_by_time_typology;
