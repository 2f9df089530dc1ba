-- The facts: who has a workspace, which logs it wrote, and every line as it stood in its file.

create table workspaces (
    workspace  text collate "C" primary key check (workspace ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    workshop   text        not null default '',
    student    text        not null,
    url        text,
    token_hash bytea       not null unique check (length(token_hash) = 32),
    version    bigint      not null default 0,
    created    timestamptz not null default now(),
    revoked    timestamptz
);
comment on table workspaces is 'The workspaces whose logs are taken in. One row is one student in one workshop.';
comment on column workspaces.workspace is 'Name of the workspace: lowercase letters, digits and hyphens, at most 63.';
comment on column workspaces.workshop is 'Name of the workshop, as its newest log says it; before the first, as it was given.';
comment on column workspaces.student is 'The student''s name, as it was given when the workspace was added.';
comment on column workspaces.url is 'Where the dashboard reaches the workspace, for its terminal; null if it cannot.';
comment on column workspaces.token_hash is 'SHA-256 of the token that the workspace''s shipper has. The token itself is stored nowhere.';
comment on column workspaces.version is 'Grows with every change of what is stored of the workspace: how replicas notice.';
comment on column workspaces.created is 'When it was added.';
comment on column workspaces.revoked is 'Since when its token is refused; null while it is good.';

create table logs (
    log        text collate "C" primary key check (log ~ '^[0-9a-f]{16}$'),
    workspace  text collate "C" not null references workspaces,
    opened     date        not null,
    first_seen timestamptz not null default now(),
    last_seen  timestamptz not null default now(),
    via        text        check (via in ('shipper', 'vector')),
    state      text        not null default 'open' check (state in ('open', 'diverged', 'expired')),
    reason     text
);
create index logs_workspace on logs (workspace, first_seen);
create index logs_opened on logs (opened);
comment on table logs is 'The logs of each workspace. A workspace whose volume was replaced has several; the newest by first_seen counts.';
comment on column logs.log is 'Id of the log: 16 hex digits, drawn by the backend that first took the volume.';
comment on column logs.workspace is 'The workspace whose token first named the log.';
comment on column logs.opened is 'Day (UTC) of the first ingest. All rows of the log are in the partitions of this day.';
comment on column logs.first_seen is 'First ingest.';
comment on column logs.last_seen is 'Last ingest that brought something.';
comment on column logs.via is 'By which path its JSON lines come: the first to deliver decides; null until one did.';
comment on column logs.state is 'open; diverged: the volume was set back and nothing more is taken; expired: its rows were dropped by retention.';
comment on column logs.reason is 'Why it diverged, in words.';

create table events (
    opened date        not null,
    log    text collate "C" not null,
    stream text collate "C" not null,
    seq    bigint      not null,
    ts     timestamptz not null,
    kind   text collate "C" not null,
    line   text        not null,
    primary key (opened, log, stream, seq)
) partition by range (opened);
create table events_default partition of events default;
comment on table events is 'Every record of the streams state, commands and llm, as it stood in its file. Partitioned by the day its log was opened.';
comment on column events.opened is 'Day of the log (logs.opened).';
comment on column events.log is 'The log.';
comment on column events.stream is 'state, commands or llm.';
comment on column events.seq is 'Number in the stream. (log, stream, seq) is the record''s identity.';
comment on column events.ts is 'When it happened, by the workspace''s clock. Order is seq, not ts.';
comment on column events.kind is 'The event''s name for the state stream; command and help for the others.';
comment on column events.line is 'The line, byte for byte, without its newline.';

create table cursors (
    log         text collate "C" not null references logs,
    stream      text collate "C" not null,
    next        bigint not null check (next >= 0),
    seq         bigint,
    last_len    integer,
    last_sha256 bytea,
    last_ts     timestamptz,
    primary key (log, stream)
);
comment on table cursors is 'How far each file was taken in; moved in the transaction that stores what it passes.';
comment on column cursors.stream is 'state, commands, llm, or cast/<file name>.';
comment on column cursors.next is 'Offset in bytes of the first byte that was not taken in; 0 for what comes by Vector, which knows none.';
comment on column cursors.seq is 'Up to where the stream is projected: the highest seq, or, of what comes by Vector, the one before the first that is still waited for; null for casts.';
comment on column cursors.last_len is 'Length in bytes of the last line before next, its newline included.';
comment on column cursors.last_sha256 is 'SHA-256 of that line with its newline: how a shipper sees that its file is another.';
comment on column cursors.last_ts is 'Time of the record with the highest seq; null for casts.';

create table gaps (
    log      text collate "C" not null references logs,
    stream   text collate "C" not null,
    from_seq bigint      not null,
    to_seq   bigint      not null check (to_seq >= from_seq),
    since    timestamptz not null default now(),
    primary key (log, stream, from_seq)
);
comment on table gaps is 'Records that are missing between others. By Vector they may still come: what lies after them waits for ten minutes.';
comment on column gaps.from_seq is 'First missing seq.';
comment on column gaps.to_seq is 'Last missing seq.';
comment on column gaps.since is 'Since when they are missed.';

create table quarantine (
    id          bigint generated always as identity primary key,
    workspace   text collate "C" not null references workspaces,
    log         text collate "C",
    stream      text collate "C" not null,
    "offset"    bigint,
    sha256      bytea       not null,
    reason      text        not null,
    line        bytea       not null,
    received_at timestamptz not null default now()
);
create unique index quarantine_offset on quarantine (log, stream, "offset") where "offset" is not null;
create unique index quarantine_sha256 on quarantine (workspace, stream, sha256) where "offset" is null;
create index quarantine_workspace on quarantine (workspace, received_at);
comment on table quarantine is 'Lines that are no records: kept, counted and shown, and never in the way of what follows.';
comment on column quarantine.log is 'Its log; null when that is not known, or another workspace''s.';
comment on column quarantine.stream is 'Its stream; unknown if its file is none of a log''s.';
comment on column quarantine."offset" is 'Offset of the line in its file; null when it came by Vector, which knows none.';
comment on column quarantine.sha256 is 'SHA-256 of the whole line.';
comment on column quarantine.reason is 'What is wrong with it; conflict: another line has its place.';
comment on column quarantine.line is 'Its first 64 KiB.';

create table recording_chunks (
    log      text collate "C" not null references logs,
    name     text collate "C" not null,
    "offset" bigint      not null,
    len      bigint      not null check (len > 0),
    sha256   bytea       not null,
    key      text        not null,
    stored   timestamptz not null default now(),
    primary key (log, name, "offset")
);
comment on table recording_chunks is 'Where the bytes of each recording are. Only objects named here count.';
comment on column recording_chunks.name is 'File name of the recording.';
comment on column recording_chunks.key is 'Key of the object in the cast store.';

create table recording_leftovers (
    key   text primary key,
    since timestamptz not null default now()
);
comment on table recording_leftovers is 'Objects that were merged into another and go a day later.';

create table webhook_cursors (
    webhook text collate "C" not null,
    log     text collate "C" not null,
    stream  text collate "C" not null,
    seq     bigint      not null,
    primary key (webhook, log, stream)
);
comment on table webhook_cursors is 'How far each webhook was told of each log.';
comment on column webhook_cursors.webhook is 'Hash of its address and workshop.';
comment on column webhook_cursors.log is 'The log; empty in the row that says that the webhook is known. No reference: a delivery holds up no ingest.';
comment on column webhook_cursors.stream is 'state, commands or llm.';
comment on column webhook_cursors.seq is 'seq of the last record that was delivered or not wanted.';
