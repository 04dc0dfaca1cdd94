-- Sessions of browsers, by the SHA-256 of what their cookie has. After a rotation, the cookie before it is valid until
-- the new one has been used.
CREATE TABLE user_sessions (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    old_hash TEXT,
    created_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX user_sessions_old_hash ON user_sessions (old_hash) WHERE old_hash IS NOT NULL;
CREATE INDEX user_sessions_user ON user_sessions (user_id);

-- What the cookies of sign-in are signed with, in base64; the newest signs.
CREATE TABLE signing_secrets (
    seq {sequence},
    id TEXT NOT NULL UNIQUE,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
