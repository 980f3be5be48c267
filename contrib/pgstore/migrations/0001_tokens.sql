CREATE TABLE oauth2grant_tokens (
    key     text        PRIMARY KEY,
    token   bytea,                              -- NULL: there is none
    version bigint      NOT NULL DEFAULT 0,     -- of the last change, and kept when the token is deleted
    fence   bigint      NOT NULL DEFAULT 0,     -- of the last lock
    writer  bigint      NOT NULL DEFAULT 0,     -- the fence of the last change; 0: it was made without a lock
    changed timestamptz NOT NULL DEFAULT now()
);
