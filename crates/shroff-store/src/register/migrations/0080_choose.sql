-- Whatever a queue is chosen and sorted by: several conditions at once took a look at each alert.
CREATE INDEX alerts_to_choose ON alerts (
    state, action, typology, assignee, score_permille, amount_rank, first_time, last_time,
    raised_at, number
);
