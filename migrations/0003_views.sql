-- Views for analysts. They show the newest log of each workspace.

create view step_durations as
select status.workspace, student.student, status.workshop, step.position, step.step, step.title, step.given, step.completed,
       step.tries, step.helps,
       step.active_ms + coalesce(extract(epoch from status.last_ts - step.active_since) * 1000, 0)::bigint as active_ms
from workspace_status status
join workspaces student using (workspace)
join step_status step on step.log = status.log
where step.started;
comment on view step_durations is 'How long each student was in each step, in milliseconds, up to the student''s last activity.';

create view step_funnel as
select status.workshop, step.position, step.step, min(step.title) as title,
       count(*) filter (where step.started and status.came or step.completed is not null) as started,
       count(*) filter (where step.completed is not null) as completed,
       count(*) filter (where step.given and step.completed is null) as given,
       count(*) filter (where status.step = step.step and status.came and step.completed is null) as here_now
from (
    select workshop, log, workspace_status.step,
           exists (select from state_timeline timeline
                   where timeline.log = workspace_status.log and timeline.event = 'connected') as came
    from workspace_status
) status
join step_status step on step.log = status.log
where step.position is not null
group by status.workshop, step.position, step.step;
comment on view step_funnel is 'How many students of a workshop started and completed each step, were given it by an image, and are in it now. Who never opened the page has started nothing.';

create view first_try_pass_rate as
select status.workshop, step.position, step.step, min(step.title) as title, count(*) as students,
       count(*) filter (where step.first_passed) as passed_at_first_try,
       round(count(*) filter (where step.first_passed)::numeric / count(*), 3) as rate
from workspace_status status
join step_status step on step.log = status.log
where step.first_passed is not null
group by status.workshop, step.position, step.step;
comment on view first_try_pass_rate is 'Of the students who checked a step, the share whose first check passed.';

create view stuck_now as
select status.workspace, student.student, status.workshop, status.step, status.step_title, status.active_since, status.tries,
       status.helps, status.last_passed, status.last_ts as last_activity,
       now() - status.active_since as in_step,
       case when status.last_passed is false and status.tries >= 3 then 'fails'
            when now() - status.last_ts > interval '10 minutes' then 'idle'
            else 'slow' end as mark
from workspace_status status
join workspaces student using (workspace)
where student.revoked is null
  and status.step is not null
  and not status.step = any (status.completed)
  and (status.last_passed is false and status.tries >= 3
       or now() - status.active_since > interval '15 minutes' and status.last_ts > now() - interval '2 hours')
  and exists (select from state_timeline timeline where timeline.log = status.log and timeline.event = 'connected');
comment on view stuck_now is 'Students who need help: three failed checks or more in the active step, or more than a quarter of an hour in it. Who never opened the page is not among them.';

create view common_failures as
select status.workshop, timeline.step, failure.title, failure.found, failure.expected,
       count(distinct timeline.workspace) as students, count(*) as times
from state_timeline timeline
join workspace_status status on status.log = timeline.log
cross join lateral jsonb_to_recordset(timeline.failed) as failure (title text, found text, expected text)
where timeline.event = 'goss_result' and timeline.trigger = 'student' and not timeline.passed
group by status.workshop, timeline.step, failure.title, failure.found, failure.expected;
comment on view common_failures is 'Which tests of a step fail, with what was found: for how many students, and how often.';
