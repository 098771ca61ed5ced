-- Everything is text or a 64-bit integer, so that SQLite and PostgreSQL mean the same by it.
-- Times are microseconds since 1970. Money is whole minor units of its currency in two columns,
-- high * 2^62 + low, because amounts go up to 2^90. Accounts are tokens.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE alerts (
    number BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    typology TEXT NOT NULL,
    score_permille BIGINT NOT NULL,
    action TEXT NOT NULL,
    first_time BIGINT NOT NULL,
    last_time BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    raised_by TEXT NOT NULL,
    amount_high BIGINT NOT NULL,
    amount_low BIGINT NOT NULL,
    amount_decimals BIGINT NOT NULL,
    -- Ten-thousandths of a whole unit, rounded down, whatever the currency: to sort and choose by.
    amount_rank BIGINT NOT NULL,
    currency TEXT NOT NULL,
    payment_count BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    -- What the case says, repeated here to choose by.
    state TEXT NOT NULL,
    case_number BIGINT,
    assignee TEXT,
    outcome TEXT,
    decided_at BIGINT,
    -- Title, reasons and rules, as JSON.
    rest TEXT NOT NULL
);
CREATE INDEX alerts_by_time ON alerts (raised_at, number);
CREATE INDEX alerts_by_score ON alerts (score_permille, number);
CREATE INDEX alerts_by_amount ON alerts (amount_rank, number);
CREATE INDEX alerts_by_typology ON alerts (typology, raised_at, number);
CREATE INDEX alerts_by_action ON alerts (action, raised_at, number);
CREATE INDEX alerts_by_state ON alerts (state, raised_at, number);
CREATE INDEX alerts_by_assignee ON alerts (assignee, raised_at, number);
CREATE INDEX alerts_by_case ON alerts (case_number);

CREATE TABLE alert_accounts (
    alert BIGINT NOT NULL,
    account TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (alert, account)
);
CREATE INDEX alert_accounts_by_account ON alert_accounts (account, alert);

CREATE TABLE alert_payments (
    alert BIGINT NOT NULL,
    place BIGINT NOT NULL,
    payment TEXT NOT NULL,
    time BIGINT NOT NULL,
    debtor TEXT NOT NULL,
    creditor TEXT NOT NULL,
    amount_high BIGINT NOT NULL,
    amount_low BIGINT NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (alert, place)
);
CREATE INDEX alert_payments_by_payment ON alert_payments (payment, alert);

CREATE TABLE alert_revisions (
    alert BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    payment TEXT NOT NULL,
    time BIGINT NOT NULL,
    score_permille BIGINT NOT NULL,
    action TEXT NOT NULL,
    payment_count BIGINT NOT NULL,
    PRIMARY KEY (alert, revision)
);

CREATE TABLE cases (
    number BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    title TEXT NOT NULL,
    assignee TEXT,
    due BIGINT,
    wait_until BIGINT,
    reopened BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    opened_by TEXT NOT NULL,
    outcome TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    -- Reason, evidence and who approved, as JSON; the log keeps each that there was.
    decision TEXT
);
CREATE INDEX cases_by_state ON cases (state, number);
CREATE INDEX cases_by_assignee ON cases (assignee, number);

-- Only ever added to.
CREATE TABLE case_log (
    case_number BIGINT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    command TEXT NOT NULL,
    text TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (case_number, n)
);

CREATE TABLE case_links (
    one BIGINT NOT NULL,
    other BIGINT NOT NULL,
    PRIMARY KEY (one, other)
);

CREATE TABLE holds (
    place BIGINT NOT NULL PRIMARY KEY,
    payment TEXT NOT NULL,
    alert TEXT,
    opened_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT,
    reason TEXT
);
CREATE INDEX holds_by_state ON holds (state, ends_at);
CREATE INDEX holds_by_payment ON holds (payment);
CREATE INDEX holds_by_alert ON holds (alert);

-- Only ever added to: each row's hash is over the one before it.
CREATE TABLE audit (
    n BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_by_actor ON audit (actor, n);
CREATE INDEX audit_by_action ON audit (action, n);
CREATE INDEX audit_by_object ON audit (object, n);
