//! How long to wait before something is tried again.

use std::time::Duration;

/// The first pause is at most this.
const FIRST: Duration = Duration::from_millis(100);
/// No pause of its own is longer. One that the dashboard asks for may be, up to [`LONGEST_ASKED`].
pub(crate) const LONGEST: Duration = Duration::from_secs(30);
const LONGEST_ASKED: Duration = Duration::from_secs(600);
/// While the shipper ends there is no time for longer ones.
pub(crate) const LONGEST_ENDING: Duration = Duration::from_secs(1);

/// Pauses that double, with jitter, so that shippers that failed together do not come back together.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    failures: u32,
}

impl Pause {
    /// The next pause; `asked` is what the dashboard wants at least.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let own = half_to_whole(own);
        match asked {
            Some(asked) => {
                let asked = asked.min(LONGEST_ASKED);
                own.max(asked + half_to_whole(asked / 5))
            }
            None => own,
        }
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The pause before asking again something that was refused.
pub(crate) fn slow() -> Duration {
    half_to_whole(LONGEST)
}

/// A random time from half of `most` to all of it.
fn half_to_whole(most: Duration) -> Duration {
    // Without randomness all go on together, which is no reason not to.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    most.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut pause = Pause::default();
        for n in 0..40 {
            let whole = FIRST.saturating_mul(1 << n.min(10)).min(LONGEST);
            let next = pause.next(None);
            assert!(next >= whole / 2 && next <= whole, "{n}: {next:?}");
        }
        pause.reset();
        assert!(pause.next(None) <= FIRST);
    }

    #[test]
    fn what_is_asked_for_is_given() {
        let seconds = Duration::from_secs;
        let check = |asked, least, most| {
            let next = Pause::default().next(Some(seconds(asked)));
            assert!(next >= seconds(least) && next <= seconds(most), "{asked}: {next:?}");
        };
        check(0, 0, 1);
        check(5, 5, 6);
        check(60, 60, 72);
        check(100_000, 600, 720);
    }
}
