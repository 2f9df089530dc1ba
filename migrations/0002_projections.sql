-- Projections: what the facts say, ready to be read. All of it can be dropped and made again: workshop-dashboard rebuild.

create table folds (
    log        text collate "C" primary key references logs,
    seq        bigint not null,
    projection text   not null
);
comment on table folds is 'The fold of each log''s state stream, as the backend in the workspace has it.';
comment on column folds.seq is 'seq of the last record folded.';
comment on column folds.projection is 'The fold as JSON; text, because JSON in Postgres refuses U+0000.';

create table workspace_status (
    workspace      text collate "C" primary key references workspaces,
    log            text collate "C" not null references logs,
    workshop       text not null,
    navigation     text not null,
    step           text,
    step_title     text,
    step_position  integer,
    steps          integer not null,
    completed      text[] not null,
    given          text[] not null,
    active_since   timestamptz,
    tries          integer not null,
    helps          integer not null,
    last_passed    boolean,
    clients        integer not null,
    begun          timestamptz,
    finished       timestamptz,
    image_step     text,
    switch_step    text,
    switch_failed  text,
    started        timestamptz,
    last_ts        timestamptz
);
comment on table workspace_status is 'Each workspace as it is now: the fold of its newest log.';
comment on column workspace_status.log is 'The newest log.';
comment on column workspace_status.navigation is 'linear, free or guided.';
comment on column workspace_status.step is 'The active step.';
comment on column workspace_status.step_position is 'Its place, from 1; null for a step that the workshop no longer has.';
comment on column workspace_status.steps is 'How many steps the workshop has.';
comment on column workspace_status.completed is 'Ids of the completed steps.';
comment on column workspace_status.given is 'Ids of the steps that an image brought.';
comment on column workspace_status.active_since is 'Since when the step is active.';
comment on column workspace_status.tries is 'Checks by the student in the active step.';
comment on column workspace_status.helps is 'How often help was opened in the active step.';
comment on column workspace_status.last_passed is 'Whether the student''s newest check in the active step passed; null if there was none.';
comment on column workspace_status.clients is 'Browsers connected to a terminal.';
comment on column workspace_status.begun is 'When a browser was first connected to a terminal; null while nobody has opened the page.';
comment on column workspace_status.finished is 'When the last step was completed, or the backend started if an image brought them all; null until every step is completed or given.';
comment on column workspace_status.image_step is 'The step whose image runs.';
comment on column workspace_status.switch_step is 'Where an open switch goes.';
comment on column workspace_status.switch_failed is 'Why the last switch failed, until the next one.';
comment on column workspace_status.started is 'When the last backend took the volume.';
comment on column workspace_status.last_ts is 'The last activity: time of the newest record of any stream, by seq.';

create table step_status (
    log           text collate "C" not null references logs,
    step          text not null,
    workspace     text collate "C" not null references workspaces,
    position      integer,
    title         text not null,
    step_group    text,
    has_check     boolean not null,
    given         boolean not null,
    started       boolean not null,
    completed     timestamptz,
    tries         integer not null,
    first_passed  boolean,
    last_passed   boolean,
    helps         integer not null,
    active_ms     bigint not null,
    active_since  timestamptz,
    state         text not null,
    primary key (log, step)
);
create index step_status_workspace on step_status (workspace, step);
comment on table step_status is 'Each step of each log: a row for every step of the workshop, and for former ones that something happened in.';
comment on column step_status.position is 'Place in the workshop, from 1; null for a step that it no longer has.';
comment on column step_status.given is 'Whether an image brought the step.';
comment on column step_status.started is 'Whether it was ever active.';
comment on column step_status.completed is 'When it was completed first.';
comment on column step_status.tries is 'Checks by the student.';
comment on column step_status.first_passed is 'Whether the first of them passed; null if there was none.';
comment on column step_status.last_passed is 'Whether the newest of them passed.';
comment on column step_status.helps is 'How often help was opened.';
comment on column step_status.active_ms is 'Milliseconds for which it was active, without the stretch that still lasts.';
comment on column step_status.active_since is 'Since when it is active, if it is.';
comment on column step_status.state is 'How it stands, the first of these that holds: completed; failed, by the student''s newest check; active; given; started; none. Who never opened the page has started nothing.';

create table state_timeline (
    opened        date not null,
    log           text collate "C" not null,
    seq           bigint not null,
    workspace     text collate "C" not null,
    ts            timestamptz not null,
    event         text not null,
    step          text,
    session       text,
    passed        boolean,
    checks_passed integer,
    checks_total  integer,
    trigger       text,
    kind          text,
    request       text,
    reason        text,
    failed        jsonb,
    primary key (opened, log, seq)
) partition by range (opened);
create table state_timeline_default partition of state_timeline default;
create index state_timeline_ts on state_timeline (workspace, ts);
create index state_timeline_step on state_timeline (workspace, step);
comment on table state_timeline is 'The state events, one a row, with what they say in columns.';
comment on column state_timeline.event is 'The event''s name, as in the log.';
comment on column state_timeline.passed is 'Of goss_result: whether every test passed.';
comment on column state_timeline.trigger is 'Of goss_result: student or periodic.';
comment on column state_timeline.kind is 'Of step_start its cause, of help_opened its mode, of switch_requested, and of a backend_started for a switch, its kind.';
comment on column state_timeline.request is 'The switch that it belongs to.';
comment on column state_timeline.reason is 'Why a switch failed or a recording stopped.';
comment on column state_timeline.failed is 'Of goss_result: the failed tests, [{title, found, expected}].';

create table command_log (
    opened    date not null,
    log       text collate "C" not null,
    seq       bigint not null,
    workspace text collate "C" not null,
    ts        timestamptz not null,
    step      text,
    session   text,
    cmd       text not null,
    exit      integer,
    cwd       text,
    ms        bigint,
    at        double precision,
    primary key (opened, log, seq)
) partition by range (opened);
create table command_log_default partition of command_log default;
create index command_log_ts on command_log (workspace, ts);
create index command_log_step on command_log (workspace, step);
comment on table command_log is 'The shell commands.';
comment on column command_log.ts is 'When it ended.';
comment on column command_log.step is 'The step that was active when it began.';
comment on column command_log.exit is 'Exit code; null when it is not known.';
comment on column command_log.ms is 'How long it ran, in milliseconds.';
comment on column command_log.at is 'Seconds from the session''s opening to its beginning: where its recording shows it.';

create table llm_interactions (
    opened        date not null,
    log           text collate "C" not null,
    seq           bigint not null,
    workspace     text collate "C" not null,
    ts            timestamptz not null,
    step          text not null,
    mode          text not null,
    question      text not null,
    response      text not null,
    model         text not null,
    input_tokens  bigint not null,
    output_tokens bigint not null,
    ms            bigint not null,
    outcome       text not null,
    primary key (opened, log, seq)
) partition by range (opened);
create table llm_interactions_default partition of llm_interactions default;
create index llm_interactions_ts on llm_interactions (workspace, ts);
create index llm_interactions_step on llm_interactions (workspace, step);
comment on table llm_interactions is 'Questions to the language model, and its answers.';
comment on column llm_interactions.mode is 'hints, explain or solve.';
comment on column llm_interactions.outcome is 'done, cancelled or error.';

create table recording_refs (
    log          text collate "C" not null references logs,
    name         text collate "C" not null,
    workspace    text collate "C" not null references workspaces,
    session      text,
    session_name text,
    opened_at    timestamptz,
    at           double precision not null,
    closed_at    timestamptz,
    bytes        bigint not null,
    primary key (log, name)
);
create index recording_refs_workspace on recording_refs (workspace, opened_at);
comment on table recording_refs is 'The recordings: of which session each is, and how much of it is stored.';
comment on column recording_refs.opened_at is 'When its session was opened: second 0 of its times; null while the log has not said it.';
comment on column recording_refs.at is 'The second of the session at which it begins.';
comment on column recording_refs.closed_at is 'When its session ended; null while it lasts.';
comment on column recording_refs.bytes is 'Bytes that are stored and can be played.';
