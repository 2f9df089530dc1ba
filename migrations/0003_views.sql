-- How students stand, defined once: the API, analysts and Grafana read these views. They show the newest log of each workspace.

create view workspace_now as
select w.workspace, w.student, w.revoked, w.version, coalesce(nullif(status.workshop, ''), w.workshop) as workshop, status.log,
       status.step, status.step_title, status.step_position, coalesce(status.steps, 0) as steps,
       (select count(completed) from step_status step where step.log = status.log and position is not null) as completed,
       (select count(*) from step_status step where step.log = status.log and position is not null and step.given and step.completed is null) as given,
       status.begun, status.finished, status.active_since, coalesce(status.tries, 0) as tries, coalesce(status.helps, 0) as helps,
       status.last_passed, coalesce(status.clients, 0) as clients, status.last_ts as last_activity, status.switch_step,
       status.switch_failed, mark.mark,
       case mark.mark when 'fails' then 4000 when 'slow' then 3000 when 'idle' then 2000 when 'new' then 1000
                      else case when status.finished is null then 1 else 0 end end
           + case when mark.mark = 'new' or status.finished is not null then 0 else least(status.tries, 999) end as need
from workspaces w
left join workspace_status status using (workspace)
cross join lateral (
    select case
        when status.finished is not null then null
        when status.begun is null then 'new'
        when status.step = any (status.completed) then silence.mark
        when status.last_passed is false and status.tries >= 3 then 'fails'
        when silence.mark is not null then silence.mark
        when now() - status.active_since > interval '15 minutes' then 'slow'
    end as mark
    from (
        select case when status.clients = 0 and now() - status.last_ts >= interval '2 hours' then 'left'
                    when now() - status.last_ts > interval '10 minutes' then 'idle' end as mark
    ) silence
) mark;
comment on view workspace_now is 'Each workspace as it is now, those without a log and revoked ones too.';
comment on column workspace_now.mark is 'Why the student may need help, the first of these that holds. new: nobody has opened the page. fails: three checks or more in the step, the last of them failed. left: no browser is connected, and nothing happened for two hours. idle: nothing happened for more than ten minutes. slow: more than a quarter of an hour in the step. Null: none of them, or every step is done. A step that is completed is neither failed nor slow.';
comment on column workspace_now.need is 'How much the student needs help: higher comes first. It changes only with the mark and the tries.';

create view student_now as
select * from workspace_now where revoked is null;
comment on view student_now is 'Each student as he or she is now: the workspaces whose token is not revoked.';

create view step_now as
select now.workspace, now.student, now.workshop, now.revoked, now.begun, step.log, step.position, step.step, step.title, step.step_group,
       step.has_check, step.given, step.state, step.started as entered,
       step.started and now.begun is not null or step.completed is not null as started, coalesce(now.step = step.step, false) as here, step.completed, step.tries, step.first_passed, step.last_passed, step.helps,
       step.active_ms + greatest(0, coalesce(extract(epoch from now.last_activity - step.active_since) * 1000, 0))::bigint as active_ms,
       step.active_ms + greatest(0, coalesce(extract(epoch from step.completed - step.active_since) * 1000, 0))::bigint as worked_ms
from workspace_now now
join step_status step using (log);
comment on view step_now is 'Each step of each workspace, former steps and revoked workspaces too.';
comment on column step_now.entered is 'Whether it was ever active; the first step is as soon as the workspace runs.';
comment on column step_now.started is 'Whether the student was ever in it, or completed it. Who never opened the page has started nothing.';
comment on column step_now.here is 'Whether it is the active step.';
comment on column step_now.active_ms is 'Milliseconds for which it was active, up to the last activity.';
comment on column step_now.worked_ms is 'Milliseconds for which it was active until it was completed; who stays in it then works on it no longer.';

create view step_durations as
select workspace, student, workshop, position, step, title, given, completed, tries, helps, active_ms, worked_ms
from step_now
where entered and begun is not null and revoked is null;
comment on view step_durations is 'How long each student was in each step, in milliseconds.';

create view step_funnel as
select workshop, min(position) as position, step, min(title) as title,
       (select count(*) from student_now student where student.workshop = step_now.workshop and student.log is not null) as students,
       count(*) filter (where started) as started,
       count(completed) as completed,
       count(*) filter (where given and completed is null) as given,
       count(*) filter (where here and begun is not null and completed is null) as here_now,
       percentile_disc(0.5) within group (order by worked_ms) filter (where entered and completed is not null) as median_ms,
       percentile_disc(0.9) within group (order by worked_ms) filter (where entered and completed is not null) as p90_ms,
       count(*) filter (where first_passed)::double precision / nullif(count(first_passed), 0) as first_try_rate,
       sum(helps)::bigint as helps
from step_now
where position is not null and revoked is null
group by workshop, step;
comment on view step_funnel is 'How many students of a workshop started and completed each step, were given it by an image, and are in it now; how long those took who completed it. Who never opened the page has started nothing.';
comment on column step_funnel.students is 'How many students the workshop has.';
comment on column step_funnel.median_ms is 'Half of those who completed it were in it for at most so many milliseconds until then.';
comment on column step_funnel.p90_ms is 'Nine in ten of them.';
comment on column step_funnel.first_try_rate is 'Of those who checked it, the share whose first check passed.';

create view first_try_pass_rate as
select workshop, min(position) as position, step, min(title) as title, count(*) as students,
       count(*) filter (where first_passed) as passed_at_first_try,
       round(count(*) filter (where first_passed)::numeric / count(*), 3) as rate
from step_now
where first_passed is not null and revoked is null
group by workshop, step;
comment on view first_try_pass_rate is 'Of the students who checked a step, the share whose first check passed.';

create view stuck_now as
select workspace, student, workshop, step, step_title, active_since, tries, helps, last_passed, last_activity,
       now() - active_since as in_step, mark, need
from student_now
where mark in ('fails', 'slow', 'idle');
comment on view stuck_now is 'Students who need help: whose checks fail, who do nothing, or who are slow.';

create view common_failures as
select student.workshop, timeline.step, failure.title, failure.found, failure.expected,
       count(distinct timeline.workspace) as students, count(*) as times
from state_timeline timeline
join student_now student using (log)
cross join lateral jsonb_to_recordset(timeline.failed) as failure (title text, found text, expected text)
where timeline.event = 'goss_result' and timeline.trigger = 'student' and not timeline.passed
group by student.workshop, timeline.step, failure.title, failure.found, failure.expected;
comment on view common_failures is 'Which tests of a step fail, with what was found: for how many students, and how often.';
