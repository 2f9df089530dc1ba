-- Roles without login, for the users of this installation to be members of. Where the migrating user may not make roles,
-- an administrator makes them before; the grants follow whenever the migration finds them.
do $$
declare
    name text;
begin
    -- Or everybody who may log in could make temporary tables, and an analyst writes nothing at all.
    execute format('revoke temporary on database %I from public', current_database());
    foreach name in array array['workshop_ingest', 'workshop_dashboard', 'workshop_analyst'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I nologin', name);
        end if;
        execute format('grant %I to current_user', name);
        execute format('grant usage on schema public to %I', name);
    end loop;
    -- What a Vector delivers is sorted in one.
    execute format('grant temporary on database %I to workshop_ingest', current_database());
    -- Large objects, too, may be made by everybody. Only a superuser can change that: docs/operating.md has the line.
    if (select rolsuper from pg_roles where rolname = current_user) then
        revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;
    end if;
end
$$;

grant select on all tables in schema public to workshop_ingest, workshop_dashboard;
grant insert, update, delete on
    logs, events, cursors, gaps, quarantine, recording_chunks, recording_leftovers, webhook_cursors, folds, workspace_status, step_status,
    state_timeline, command_log, llm_interactions, recording_refs
    to workshop_ingest;
grant update (version, workshop) on workspaces to workshop_ingest;

grant select on
    logs, gaps, workspace_status, step_status, state_timeline, command_log, llm_interactions, recording_refs,
    workspace_now, student_now, step_now, step_durations, step_funnel, first_try_pass_rate, stuck_now, common_failures
    to workshop_analyst;
grant select (workspace, workshop, student, created, revoked) on workspaces to workshop_analyst;
