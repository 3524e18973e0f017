-- Jobs of CloudStack's query API. What they wait for is a subject's public state; their result is
-- made when it is asked for, so that nothing of it (a link) is kept.
CREATE TABLE async_jobs (
    id text PRIMARY KEY, account_id text NOT NULL, user_id text NOT NULL, command text NOT NULL,
    noun text NOT NULL, subject_id text NOT NULL, facts jsonb NOT NULL,
    status smallint NOT NULL DEFAULT 0, code integer NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '', created timestamptz NOT NULL, completed timestamptz,
    looked timestamptz NOT NULL
);
CREATE INDEX async_jobs_page ON async_jobs (created DESC, id DESC);
CREATE INDEX async_jobs_account ON async_jobs (account_id, created DESC, id DESC);
CREATE INDEX async_jobs_pending ON async_jobs (looked) WHERE status = 0;
CREATE INDEX async_jobs_subject ON async_jobs (noun, subject_id) WHERE status = 0;
-- What CloudStack tells of an object beside its bytes, and who may see it. The gateway's own: its
-- owner moves bytes and knows nothing of it.
CREATE TABLE descriptions (
    noun text NOT NULL, id text NOT NULL, account_id text NOT NULL, created timestamptz NOT NULL,
    public boolean NOT NULL DEFAULT false, featured boolean NOT NULL DEFAULT false,
    extractable boolean NOT NULL DEFAULT false, attributes jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (noun, id)
);
CREATE INDEX descriptions_public ON descriptions (noun, created DESC, id DESC) WHERE public;
CREATE INDEX descriptions_featured ON descriptions (noun, created DESC, id DESC)
    WHERE public AND featured;
CREATE TABLE launch_permissions (
    noun text NOT NULL, id text NOT NULL, account_id text NOT NULL,
    PRIMARY KEY (noun, id, account_id)
);
CREATE INDEX launch_permissions_account ON launch_permissions (account_id, noun, id);
