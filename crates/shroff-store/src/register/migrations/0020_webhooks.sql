-- Where others are told of what changes, and what they are still to be told. A secret is not here:
-- it is made of a key beside the data and of the salt of its endpoint.

CREATE TABLE webhooks (
    number BIGINT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Names of events, with commas between them.
    events TEXT NOT NULL,
    salt TEXT NOT NULL,
    -- The beginning of the SHA-256 of the secret: whether the key is still the one it was made with.
    mark TEXT NOT NULL,
    former_salt TEXT,
    former_until BIGINT,
    -- Why nothing is sent; NULL where it is.
    disabled TEXT,
    -- While nobody answers there, all wait together.
    paused_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);

-- Written in the unit of work of the change itself.
CREATE TABLE webhook_deliveries (
    n BIGINT NOT NULL PRIMARY KEY,
    endpoint BIGINT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- waiting, delivered or dead
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    done_at BIGINT,
    last_status BIGINT,
    last_error TEXT
);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (endpoint, state, n);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (endpoint, state, next_at);
