//! Who needs help, and how much: one function of what is known of a workspace and the time.

use workshop_events::Timestamp;
use workshop_wire::dashboard::Mark;

/// Checks that have to fail, the last of them too.
const FAILS: u32 = 3;
/// Minutes in a step after which it is slow.
const SLOW_MINUTES: i64 = 15;
/// Minutes of silence after which nobody seems to be at work.
const IDLE_MINUTES: i64 = 10;
/// Hours of silence after which whoever is not connected has simply left.
const LEFT_HOURS: i64 = 2;

/// What is known of a workspace.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// Whether anybody has opened it.
    pub(crate) begun: bool,
    /// Time of its newest record.
    pub(crate) last_activity: Option<Timestamp>,
    /// Whether a browser is connected to a terminal.
    pub(crate) connected: bool,
    /// Whether every step is completed or given.
    pub(crate) finished: bool,
    /// Whether the active step is completed.
    pub(crate) step_completed: bool,
    /// Since when the step is active.
    pub(crate) active_since: Option<Timestamp>,
    /// Checks by the student in it.
    pub(crate) tries: u32,
    /// Whether the newest of them passed.
    pub(crate) last_passed: Option<bool>,
}

/// Why a student may need help, and how much: a number to sort by, higher first. It changes only when the mark or the
/// tries do, so that time alone does not reorder a class.
pub(crate) fn need(known: &Known, now: Timestamp) -> (Option<Mark>, u32) {
    let mark = mark(known, now);
    let tries = known.tries.min(999);
    let need = match mark {
        Some(Mark::Fails) => 4000 + tries,
        Some(Mark::Slow) => 3000 + tries,
        Some(Mark::Idle) => 2000 + tries,
        // Not begun, or at work: those come before the finished.
        Some(Mark::New) => 1000,
        None if !known.finished => 1 + tries,
        None => 0,
    };
    (mark, need)
}

fn mark(known: &Known, now: Timestamp) -> Option<Mark> {
    if known.finished {
        return None;
    }
    let Some(last_activity) = known.last_activity.filter(|_| known.begun) else { return Some(Mark::New) };
    let minutes = |since: Timestamp| (now.as_millis() - since.as_millis()) / 60_000;
    let over = |since: Timestamp, limit: i64| now.as_millis() - since.as_millis() > limit * 60_000;
    if !known.step_completed && known.last_passed == Some(false) && known.tries >= FAILS {
        return Some(Mark::Fails);
    }
    if over(last_activity, IDLE_MINUTES) {
        let left = !known.connected && minutes(last_activity) >= LEFT_HOURS * 60;
        return (!left).then_some(Mark::Idle);
    }
    let slow = !known.step_completed && known.active_since.is_some_and(|since| over(since, SLOW_MINUTES));
    slow.then_some(Mark::Slow)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn minutes_ago(minutes: i64) -> Option<Timestamp> {
        Some(Timestamp::from_millis(NOW - minutes * 60_000))
    }

    fn working() -> Known {
        Known {
            begun: true,
            last_activity: minutes_ago(1),
            active_since: minutes_ago(5),
            connected: true,
            ..Known::default()
        }
    }

    #[track_caller]
    fn check(known: Known, expected: Option<Mark>) {
        assert_eq!(need(&known, Timestamp::from_millis(NOW)).0, expected, "{known:?}");
    }

    #[test]
    fn new_until_somebody_comes() {
        check(Known::default(), Some(Mark::New));
        // Its backend writes a line or two before, however long ago.
        let unopened = Known { begun: false, connected: false, last_activity: minutes_ago(30), ..working() };
        check(unopened, Some(Mark::New));
        check(Known { last_activity: minutes_ago(600), ..unopened }, Some(Mark::New));
        check(working(), None);
    }

    #[test]
    fn fails_from_the_third_failed_check_in_the_step() {
        let failed = Known { tries: 3, last_passed: Some(false), ..working() };
        check(failed, Some(Mark::Fails));
        check(Known { tries: 2, ..failed }, None);
        check(Known { last_passed: Some(true), ..failed }, None);
        check(Known { last_passed: None, ..failed }, None);
        check(Known { step_completed: true, ..failed }, None);
        check(Known { finished: true, ..failed }, None);
        // However long ago.
        check(Known { last_activity: minutes_ago(600), connected: false, ..failed }, Some(Mark::Fails));
    }

    #[test]
    fn slow_after_a_quarter_of_an_hour_in_the_step() {
        let slow = Known { active_since: minutes_ago(16), ..working() };
        check(slow, Some(Mark::Slow));
        check(Known { active_since: minutes_ago(15), ..slow }, None);
        check(Known { active_since: None, ..slow }, None);
        check(Known { step_completed: true, ..slow }, None);
        check(Known { finished: true, ..slow }, None);
        check(Known { connected: false, ..slow }, Some(Mark::Slow));
        check(Known { tries: 3, last_passed: Some(false), ..slow }, Some(Mark::Fails));
    }

    #[test]
    fn idle_after_ten_minutes_of_silence() {
        let idle = Known { last_activity: minutes_ago(11), active_since: minutes_ago(60), ..working() };
        check(idle, Some(Mark::Idle));
        check(Known { last_activity: minutes_ago(10), active_since: minutes_ago(10), ..idle }, None);
        check(Known { finished: true, ..idle }, None);
        // A step that is completed is not the whole workshop.
        check(Known { step_completed: true, ..idle }, Some(Mark::Idle));
        check(Known { connected: false, ..idle }, Some(Mark::Idle));
        check(Known { connected: false, last_activity: minutes_ago(120), ..idle }, None);
        check(Known { last_activity: minutes_ago(120), ..idle }, Some(Mark::Idle));
    }

    #[test]
    fn a_workspace_whose_clock_is_ahead_is_not_idle() {
        check(Known { last_activity: minutes_ago(-60), active_since: minutes_ago(-60), ..working() }, None);
    }

    #[test]
    fn who_fails_comes_first_and_who_has_finished_last() {
        let now = Timestamp::from_millis(NOW);
        let order = [
            Known { tries: 7, last_passed: Some(false), ..working() },
            Known { tries: 3, last_passed: Some(false), ..working() },
            Known { tries: 9, last_passed: Some(true), active_since: minutes_ago(20), ..working() },
            Known { last_activity: minutes_ago(20), ..working() },
            Known::default(),
            Known { tries: 2, ..working() },
            working(),
            Known { finished: true, ..working() },
        ];
        let needs: Vec<u32> = order.iter().map(|known| need(known, now).1).collect();
        assert!(needs.is_sorted_by(|a, b| a > b), "{needs:?}");
    }
}
